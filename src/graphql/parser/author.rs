//! Documents by chance: by the grammar, and sometimes next to it.

/// What writes one.
pub(super) struct Author {
    dice: std::vec::IntoIter<u16>,
    tokens: Vec<String>,
}

impl Author {
    /// The document that is chosen by some dice, which show zero when there are none left.
    pub(super) fn write(dice: Vec<u16>) -> String {
        let mut author = Self { dice: dice.into_iter(), tokens: Vec::new() };
        author.document();
        author.finish()
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.dice.next().unwrap_or(0)) % choices.len()]
    }

    fn sometimes(&mut self) -> bool {
        self.one_of(&[false, false, true])
    }

    fn rarely(&mut self) -> bool {
        self.dice.next().unwrap_or(0) % 40 == 39
    }

    fn put(&mut self, token: &str) {
        self.tokens.push(token.to_owned());
    }

    fn name(&mut self) {
        let name = self.one_of(&[
            "a", "b", "_c1", "on", "query", "fragment", "null", "true", "nullable", "F", "G",
        ]);
        self.put(name);
    }

    fn document(&mut self) {
        while {
            self.definition();
            self.sometimes()
        } {}
    }

    fn definition(&mut self) {
        match self.one_of(&[0, 1, 2, 3]) {
            0 if self.tokens.is_empty() => self.selection_set(3),
            0..=2 => {
                let kind = self.one_of(&["query", "mutation", "subscription"]);
                self.put(kind);
                if self.one_of(&[true, true, false]) {
                    self.name();
                }
                if self.sometimes() {
                    self.variables();
                }
                self.directives();
                self.selection_set(3);
            }
            _ => {
                self.put("fragment");
                self.name();
                self.put("on");
                self.name();
                self.directives();
                self.selection_set(2);
            }
        }
    }

    fn variables(&mut self) {
        self.put("(");
        while {
            self.put("$");
            self.name();
            self.put(":");
            let kind = self.one_of(&["Int", "Int!", "[Int]", "[[a!]!]!"]);
            let kind = if self.rarely() { "[ Int ]" } else { kind };
            self.put(kind);
            if self.sometimes() {
                self.put("=");
                self.value(2);
            }
            if self.one_of(&[false, false, false, true]) {
                self.directives();
            }
            self.sometimes()
        } {}
        self.put(")");
    }

    fn directives(&mut self) {
        while self.one_of(&[false, false, false, true]) {
            self.put("@");
            self.name();
            self.arguments();
        }
    }

    fn arguments(&mut self) {
        if self.sometimes() {
            self.put("(");
            while {
                self.name();
                self.put(":");
                self.value(3);
                self.sometimes()
            } {}
            self.put(")");
        }
    }

    fn selection_set(&mut self, depth: usize) {
        self.put("{");
        while {
            let kind = self.one_of(&[0, 0, 0, 1, 2]);
            if kind == 0 || depth == 0 {
                self.name();
                if self.sometimes() {
                    self.put(":");
                    self.name();
                }
                self.arguments();
                self.directives();
                if depth > 0 && self.sometimes() {
                    self.selection_set(depth - 1);
                }
            } else {
                self.put("...");
                if kind == 1 {
                    self.name();
                    self.directives();
                } else {
                    if self.sometimes() {
                        self.put("on");
                        self.name();
                    }
                    self.directives();
                    self.selection_set(depth - 1);
                }
            }
            self.sometimes()
        } {}
        self.put("}");
    }

    fn value(&mut self, depth: usize) {
        match self.one_of(&[0, 1, 2, 3, 4, 5, 6]) {
            0 => {
                self.put("$");
                self.name();
            }
            1 => self.name(),
            2 if depth > 0 => {
                self.put("[");
                while self.sometimes() {
                    self.value(depth - 1);
                }
                self.put("]");
            }
            3 if depth > 0 => {
                self.put("{");
                while self.sometimes() {
                    self.name();
                    self.put(":");
                    self.value(depth - 1);
                }
                self.put("}");
            }
            4 => {
                let number = self.one_of(&[
                    "0",
                    "-0",
                    "12",
                    "-1.50",
                    "2e3",
                    "0.1E-2",
                    "9223372036854775808",
                    "18446744073709551616",
                    "-9223372036854775809",
                ]);
                let wrong = self.one_of(&["1e400", "00", "1.", "-", "1a"]);
                let number = if self.rarely() { wrong } else { number };
                self.put(number);
            }
            _ => {
                let string = self.one_of(&[
                    "\"\"",
                    "\"é\\n\\u00e9\\\\\"",
                    "\"a # b\"",
                    "\"\\\"\"",
                    "\"\"\"\"\"\"",
                    "\"\"\"\n  é\n\n    b\r\n  c\n\"\"\"",
                    "\"\"\" \\\"\"\" \"\"\"",
                    "\"\"\"a\n  b\n \n  c\"\"\"",
                ]);
                let rare = self.one_of(&[
                    "\"\\u{41}\"",
                    "\"\\uD83D\"",
                    "\"\\uD83D\\uDE00\"",
                    "\"\\x\"",
                    "\"a\n\"",
                    "\"",
                ]);
                let string = if self.rarely() { rare } else { string };
                self.put(string);
            }
        }
    }

    /// Takes away, doubles or exchanges a token, and puts what is ignored between all.
    fn finish(mut self) -> String {
        for _ in 0..self.one_of(&[0, 0, 0, 0, 1, 2]) {
            let length = self.tokens.len();
            let at = usize::from(self.dice.next().unwrap_or(0)) % length;
            match self.one_of(&[0, 1, 2]) {
                0 if length > 1 => drop(self.tokens.remove(at)),
                1 => self.tokens.insert(at, self.tokens[at].clone()),
                _ => {
                    self.tokens[at] = self
                        .one_of(&[
                            "{", "}", "(", ")", "[", "]", ":", "$", "!", "...", "=", "@", "a", "0",
                            "\"\"", "|", "'", "type",
                        ])
                        .to_owned();
                }
            }
        }
        let mut text = String::new();
        for token in std::mem::take(&mut self.tokens) {
            let ignored = self.one_of(&[
                " ",
                " ",
                " ",
                " ",
                "\n",
                ",",
                "\t\t",
                "\r\n ",
                "\r",
                "\u{feff}",
                "#é \" {\n",
                " #\r",
                "",
            ]);
            text += ignored;
            text += &token;
        }
        text
    }
}
