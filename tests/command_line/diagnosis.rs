//! The commands that find out what is wrong: `check` and `signature detect`.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use serde_json::json;

use super::{Ended, Running, ended, program, run};

#[test]
fn check_says_in_words_what_is_wrong() {
    let sandbox = Running::sandbox(&[]);
    let url = sandbox.url("ozeki_url");
    let check = |arguments: &[&str], key: Option<&str>| {
        let mut command = program();
        command.arg("check").args(arguments);
        if let Some(key) = key {
            command.env("OZEKI_GRAPHQL_CHECK_API_KEY", key);
        }
        let (status, told, notes) = ended(&command.output().unwrap());
        (status, told + &notes)
    };
    let (status, told) = check(&["--upstream-url", url], None);
    assert_eq!((status, told.contains("answers as an Ozeki Chat API")), (0, true), "{told}");
    let (status, told) = check(&["--upstream-url", url], Some("alice-demo"));
    assert_eq!(
        (status, told.contains("Alice") && told.contains("60 conversations")),
        (0, true),
        "{told}"
    );
    let (status, told) = check(&["--upstream-url", url], Some("wrong-key"));
    assert_eq!((status, told.contains("FAIL") && !told.contains("wrong-key")), (1, true), "{told}");
    let wrong_recipe = ["--upstream-url", url, "--signature-algorithm", "sha1"];
    let (status, told) = check(&wrong_recipe, Some("alice-demo"));
    assert_eq!((status, told.contains("signature detect")), (1, true), "{told}");
    let (status, told) = check(&["--upstream-url", "http://127.0.0.1:9/"], None);
    assert_eq!((status, told.contains("could not connect")), (1, true), "{told}");
    let metrics = format!("{}/metrics", sandbox.url("admin_url"));
    let (status, told) = check(&["--upstream-url", &metrics], None);
    assert_eq!((status, told.contains("not what the chat API promises")), (1, true), "{told}");
    assert_eq!(check(&[], None).0, 2);
}

#[test]
fn check_tells_a_certificate_that_is_not_trusted_from_a_server_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let pair = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (path("tls.crt"), path("tls.key"));
    std::fs::write(&certificate, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let tls = Running::sandbox(&["--tls-cert", &certificate, "--tls-key", &key]);
    let url = tls.url("graphql_url");
    assert!(url.starts_with("https://"), "{url}");
    let (status, told, _) = run(&["check", "--upstream-url", url]);
    assert_eq!((status, told.contains("--upstream-ca")), (1, true), "{told}");
    // Trusted, it turns out to be no chat server.
    let (status, told, _) = run(&["check", "--upstream-url", url, "--upstream-ca", &certificate]);
    assert_eq!((status, told.contains("not what the chat API promises")), (1, true), "{told}");
}

#[test]
fn only_a_proxy_that_is_named_is_used() {
    let sandbox = Running::sandbox(&[]);
    // Nothing listens there: a call that went through it would fail.
    let nowhere = "http://127.0.0.1:9";
    let mut check = program();
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"] {
        check.env(name, nowhere);
    }
    let check = check.args(["check", "--upstream-url", sandbox.url("ozeki_url")]).output().unwrap();
    let (status, told, _) = ended(&check);
    assert_eq!(status, 0, "{told}");

    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    let arguments =
        ["check", "--upstream-url", "http://chat.example/x", "--upstream-proxy", &proxy_url];
    let check = program().args(arguments).stdout(Stdio::null()).spawn().unwrap();
    let _check = Ended(check);
    let (mut stream, _) = proxy.accept().unwrap();
    let mut start = [0; 31];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(String::from_utf8_lossy(&start), "POST http://chat.example/x?srv=");
}

#[test]
fn detect_finds_the_recipe_of_a_signed_request_and_prints_its_flags() {
    let folder = tempfile::tempdir().unwrap();
    let body = r#"{"action":"list","clientversioncode":3,"timestamp":"2024-03-08 13:55:47"}"#;
    let capture = |signature: &str| {
        let path = folder.path().join("capture.json");
        let mut file = std::fs::File::create(&path).unwrap();
        let capture = json!({
            "user": "d574638619cbff603bf857164c47e850", "station": "0123456789abcdef0123456789abcdef",
            "api": "chatconversation", "body": body, "signature": signature, "key": "admin-demo",
        });
        file.write_all(capture.to_string().as_bytes()).unwrap();
        let (status, found, notes) =
            run(&["signature", "detect", "--capture", path.to_str().unwrap()]);
        (status, found + &notes)
    };
    // The MD5 of the body followed by the key: the default recipe.
    let signed = format!("{body}admin-demo");
    let signature = ozeki_graphql::ozeki::signature::Hash::Md5.digest(signed.as_bytes());
    let signature = ozeki_graphql::ozeki::signature::Encoding::UpperHex.encode(&signature);
    let (status, found) = capture(&signature);
    assert_eq!(status, 0, "{found}");
    for part in [
        "--signature-algorithm md5",
        "--signature-payload '{body}{key}'",
        "--signature-encoding HEX",
    ] {
        assert!(found.contains(part), "{part} is not in:\n{found}");
    }
    assert!(!found.contains("admin-demo"), "{found}");
}
