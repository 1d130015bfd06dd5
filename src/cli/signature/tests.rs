use std::io::Write as _;

use super::*;

const REQUEST: [&str; 8] = [
    "--user",
    "admin@ozeki.hu",
    "--station",
    "00000000000000000000000000000001",
    "--api",
    "chatfriends",
    "--body",
    r#"{"action":"list","timestamp":"2024-03-08 13:55:47"}"#,
];

#[derive(Debug)]
struct Answer {
    verdict: Result<Verdict, SignatureError>,
    output: String,
    notes: String,
}

impl Answer {
    fn faults(&self) -> String {
        self.verdict.as_ref().unwrap_err().to_string()
    }
}

fn run_with(arguments: &[&str], input: &[u8]) -> Answer {
    run_in(&Variables::default(), arguments, input)
}

fn run_in(variables: &Variables, arguments: &[&str], mut input: &[u8]) -> Answer {
    let arguments = ["signature"].iter().chain(arguments);
    let matches = command().try_get_matches_from(arguments).unwrap();
    let (mut output, mut notes) = (Vec::new(), Vec::new());
    let (output_of, notes_of) = (&mut output, &mut notes);
    let mut streams = Streams { input: &mut input, output: output_of, notes: notes_of, variables };
    let verdict = run(&matches, &mut streams);
    Answer {
        verdict,
        output: String::from_utf8(output).unwrap(),
        notes: String::from_utf8(notes).unwrap(),
    }
}

fn sign(more: &[&str], key: &str) -> Answer {
    let arguments = [&["sign"], &REQUEST[..], &["--key-file", "-"], more].concat();
    run_with(&arguments, key.as_bytes())
}

fn signature_of(answer: &Answer) -> &str {
    let (_, signature) = answer.output.trim_end().rsplit_once(' ').unwrap();
    signature
}

fn capture_file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn capture(timestamp: &str, action: &str, payload: &str) -> serde_json::Value {
    let body = format!(r#"{{"action":"{action}","timestamp":"{timestamp}"}}"#);
    let mut arguments = REQUEST.to_vec();
    arguments[7] = &body;
    let more = ["--key-file", "-", "--signature-payload", payload];
    let answer = run_with(&[&["sign"], &arguments[..], &more].concat(), b"secret");
    serde_json::json!({
        "user": "admin@ozeki.hu", "station": arguments[3], "api": arguments[5], "body": body,
        "signature": signature_of(&answer), "key": "secret",
    })
}

#[test]
fn the_recipe_comes_from_flags_then_variables_then_the_default() {
    let arguments = [&["sign"], &REQUEST[..], &["--key-file", "-"]].concat();
    let variables = Variables::from([
        ("OZEKI_GRAPHQL_SIGNATURE_ALGORITHM", "sha256"),
        ("OZEKI_GRAPHQL_SIGNATURE_PAYLOAD", "{user}:{key}"),
    ]);
    let by_variables = run_in(&variables, &arguments, b"secret");
    let flags = ["--signature-algorithm", "sha256", "--signature-payload", "{user}:{key}"];
    assert_eq!(signature_of(&by_variables), signature_of(&sign(&flags, "secret")));
    let by_both = [&arguments[..], &flags[..1], &["md5"]].concat();
    let by_both = run_in(&variables, &by_both, b"secret");
    assert_eq!(signature_of(&by_both), signature_of(&sign(&flags[2..], "secret")));
    let wrong = Variables::from([("OZEKI_GRAPHQL_SIGNATURE_ENCODING", "rot13")]);
    let faults = run_in(&wrong, &arguments, b"secret").faults();
    assert!(faults.starts_with("OZEKI_GRAPHQL_SIGNATURE_ENCODING: "), "{faults}");
}

#[test]
fn the_payload_is_shown_without_the_key() {
    let answer =
        sign(&["--signature-payload", "{user}\n{timestamp}{key}{key|md5}{body}"], "list\n");
    assert_eq!(answer.verdict.as_ref().unwrap(), &Verdict::Found);
    insta::assert_snapshot!(answer.output, @r#"
    payload:   d574638619cbff603bf857164c47e850\n2024-03-08 13:55:47…key……key|md5…{"action":"…key…","timestamp":"2024-03-08 13:55:47"}
    signature: feee0d1d511f528149fa1b825ba1efd2
    "#);
    assert_eq!(answer.notes, "");
}

#[test]
fn the_payload_is_shown_whole_where_asked_for() {
    let answer = sign(&["--show-secrets"], "secret");
    insta::assert_snapshot!(answer.output, @r#"
    payload:   {"action":"list","timestamp":"2024-03-08 13:55:47"}secret
    signature: 0df1abd5aaa6a7c32d700d475650d522
    "#);
}

#[test]
fn a_key_on_the_command_line_is_warned_of_and_never_echoed() {
    let answer = run_with(&[&["sign"], &REQUEST[..], &["--key", "5ca1ab1e"]].concat(), b"");
    assert_eq!(answer.verdict.unwrap(), Verdict::Found);
    assert!(answer.notes.contains("process lists"), "{}", answer.notes);
    assert!(!answer.output.contains("5ca1ab1e"), "{}", answer.output);
    assert!(!answer.notes.contains("5ca1ab1e"), "{}", answer.notes);
}

#[test]
fn all_faults_of_a_request_to_sign_are_told_at_once() {
    let answer = run_with(
        &[
            "sign",
            "--user",
            "alice",
            "--station",
            "7",
            "--body",
            "{}",
            "--body-file",
            "-",
            "--key",
            "two words",
            "--signature-algorithm",
            "md4",
            "--signature-payload",
            "{bdy}",
            "--signature-encoding",
            "base32",
        ],
        b"",
    );
    insta::assert_snapshot!(answer.faults(), @r#"
    --signature-algorithm: the algorithms are md5, sha1, sha256, hmac-md5, hmac-sha1 and hmac-sha256
    --signature-payload: the payload's parts are {user} {station} {api} {action} {timestamp} {body} {key}, not {bdy}
    --signature-encoding: the encodings are hex, HEX (upper case) and base64
    --body and --body-file: give only one of them
    --user: an id is 32 hex digits, such as d574638619cbff603bf857164c47e850, or an e-mail address
    --station: an id is 32 hex digits, such as d574638619cbff603bf857164c47e850
    --api: missing; the api of the query string, such as chatconversation
    --key or --key-file: an API key is 1 to 512 visible ASCII characters
    "#);
    assert_eq!(answer.output, "");
}

#[test]
fn all_faults_of_a_request_to_search_by_are_told_at_once() {
    let answer = run_with(&["detect", "--body-file", "/nowhere", "--key-file", "-"], &[b'k'; 5000]);
    insta::assert_snapshot!(answer.faults(), @r#"
    --body-file: could not read /nowhere: No such file or directory (os error 2)
    --key-file: - has more than 4096 bytes
    --user: missing; the Ozeki-User header, or the e-mail address it is made of
    --station: missing; the Ozeki-Station header
    --api: missing; the api of the query string, such as chatconversation
    --signature: missing; the Ozeki-Signature header
    "#);
}

#[test]
fn a_signature_of_unknown_form_is_bad_input() {
    let more = ["--key-file", "-", "--signature", "abc"];
    let answer = run_with(&[&["detect"], &REQUEST[..], &more].concat(), b"secret");
    insta::assert_snapshot!(answer.faults(), @r#"--signature or --capture: the signature is not the digest of md5, sha1 or sha256 in hex (32, 40 or 64 digits) or in base64 with padding (24, 28 or 44 characters)"#);
}

#[test]
fn the_recipe_of_a_request_given_by_flags_is_printed_ready_to_paste() {
    let recipe = ["--signature-algorithm", "hmac-sha256"];
    let payload = ["--signature-payload", "{user}\n{timestamp}"];
    let signed = sign(&[recipe, payload].concat(), "secret");
    let more = ["--key-file", "-", "--signature", signature_of(&signed)];
    let answer = run_with(&[&["detect"], &REQUEST[..], &more].concat(), b"secret\n");
    assert_eq!(answer.verdict.unwrap(), Verdict::Found);
    insta::assert_snapshot!(answer.output, @r#"
    One recipe fits: hmac-sha256 of {user}\n{timestamp}, written in hex.

    Flags:
    --signature-algorithm hmac-sha256 --signature-payload '{user}
    {timestamp}' --signature-encoding hex

    Environment variables:
    OZEKI_GRAPHQL_SIGNATURE_ALGORITHM=hmac-sha256
    OZEKI_GRAPHQL_SIGNATURE_PAYLOAD='{user}
    {timestamp}'
    OZEKI_GRAPHQL_SIGNATURE_ENCODING=hex

    Configuration file:
    signature_algorithm = "hmac-sha256"
    signature_payload = "{user}\n{timestamp}"
    signature_encoding = "hex"

    Not covered by the signature: station, api, action, body.
    The signature does not cover the body: whoever sees one can send another body with it.
    "#);
    assert_eq!(answer.notes, "");
}

#[test]
fn a_plain_checksum_is_called_one() {
    let signed = sign(&["--signature-payload", "{body}"], "secret");
    let more = ["--key-file", "-", "--signature", signature_of(&signed)];
    let answer = run_with(&[&["detect"], &REQUEST[..], &more].concat(), b"secret\n");
    assert!(answer.output.contains("plain checksum"), "{}", answer.output);
}

#[test]
fn several_fitting_recipes_are_listed_and_a_second_capture_tells_them_apart() {
    let payload = "{action}:{key}";
    let same = capture_file(&capture("same", "same", payload).to_string());
    let same = same.path().to_str().unwrap();
    let answer = run_with(&["detect", "--capture", same], b"");
    assert_eq!(answer.verdict.unwrap(), Verdict::Found);
    insta::assert_snapshot!(answer.output, @r#"
    2 recipes fit the captured request, as happens where parts have equal texts. The plainest first:

    --signature-algorithm md5 --signature-payload '{action}:{key}' --signature-encoding hex
    --signature-algorithm md5 --signature-payload '{timestamp}:{key}' --signature-encoding hex

    To tell them apart, capture another request (with another timestamp, action and body) and run again with both:
    ozeki-graphql signature detect --capture first.json --capture second.json
    "#);

    let other = capture_file(&capture("2024-03-08 13:55:47", "list", payload).to_string());
    let other = other.path().to_str().unwrap();
    let answer = run_with(&["detect", "--capture", same, "--capture", other], b"");
    assert_eq!(answer.verdict.unwrap(), Verdict::Found);
    assert!(
        answer.output.starts_with("One recipe fits: md5 of {action}:{key}, written in hex."),
        "{}",
        answer.output
    );
}

#[test]
fn faults_of_a_capture_file_name_the_member_and_repeat_no_value() {
    let mut members = capture("2024-03-08 13:55:47", "list", "{body}{key}");
    members["body"] = serde_json::json!({"action": "list"});
    members["key"] = serde_json::json!(12_345);
    members["pin"] = serde_json::json!("12345");
    members["station"] = serde_json::json!("12345");
    members.as_object_mut().unwrap().remove("signature");
    let file = capture_file(&members.to_string());
    let path = file.path().to_str().unwrap();
    let answer = run_with(&["detect", "--capture", path, "--api", "chatfriends"], b"");
    let faults = answer.faults().replace(path, "FILE");
    insta::assert_snapshot!(faults, @r#"
    --api: with --capture, it belongs into the capture file
    --capture FILE: unknown member pin; a capture has user, station, api, action, timestamp, body, signature, key
    --capture FILE: member body: must be a string with the exact bytes: a JSON value has lost its blanks and their order
    --capture FILE: member key, or --key-file: must be a string
    --capture FILE: member station: an id is 32 hex digits, such as d574638619cbff603bf857164c47e850
    --capture FILE: member signature: missing; the Ozeki-Signature header
    "#);

    for (text, fault) in [
        ("[]", "a capture is one JSON object"),
        ("{\"key\": 5ca1ab1e", "not valid JSON at line 1, column 10"),
    ] {
        let file = capture_file(text);
        let answer = run_with(&["detect", "--capture", file.path().to_str().unwrap()], b"");
        assert!(answer.faults().ends_with(fault), "{}", answer.faults());
    }
}

#[test]
fn a_capture_file_may_leave_the_key_to_its_flag() {
    let mut members = capture("2024-03-08 13:55:47", "list", "{body}{key}");
    members.as_object_mut().unwrap().remove("key");
    let file = capture_file(&members.to_string());
    let path = file.path().to_str().unwrap();
    let answer = run_with(&["detect", "--capture", path, "--key-file", "-"], b"secret");
    assert!(answer.output.starts_with("One recipe fits: md5 of {body}{key}"));
    let without = run_with(&["detect", "--capture", path], b"").faults();
    assert!(without.ends_with("member key, or --key-file: missing; the caller's API key"));
}
