//! What the public listener serves, to the letter of RFC 9110 and RFC 9112: octets to the socket and back. Each row names
//! the section that decides it.

use crate::binary::{Binary, Place, exchange, path_of};

const BODY: &str = "0123456789";
/// The validators of the file, put in for these words.
const TAG: &str = "TAG";
const DATE: &str = "DATE";
const EARLIER: &str = "Sat, 01 Jan 2000 00:00:00 GMT";
const LATER: &str = "Fri, 31 Dec 2100 23:59:59 GMT";

/// A response as it came.
struct Reply {
    status: u16,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn read(octets: &[u8]) -> Self {
        let end = octets.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head: {:?}", String::from_utf8_lossy(octets)));
        let head = std::str::from_utf8(&octets[..end]).expect("ASCII");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok());
        let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Self {
            status: status.unwrap_or_else(|| panic!("no status line: {head}")),
            fields: lines.map(|line| field(line).expect("a field")).collect(),
            body: octets[end + 4..].to_vec(),
        }
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} came twice");
        value
    }
}

/// A file behind a link, and the service that serves it.
struct Served {
    service: Binary,
    target: String,
    tag: String,
    date: String,
    _place: Place,
}

impl Served {
    fn new() -> Self {
        let place = Place::new();
        let service = place.serve(&[]);
        service.acme();
        service.attach("c1", "a1", "log.txt", "text/plain", BODY.as_bytes());
        let (url, _) = service.link("c1", "a1");
        let target = format!("/{}", path_of(&url));
        let mut this = Self { service, target, tag: String::new(), date: String::new(), _place: place };
        let plain = this.ask("GET", "");
        plain.field("etag").expect("a tag").clone_into(&mut this.tag);
        plain.field("last-modified").expect("a date").clone_into(&mut this.date);
        this
    }

    fn send(&self, octets: &str) -> Reply {
        Reply::read(&exchange(self.service.public, octets.as_bytes()).expect("an answer"))
    }

    /// `fields`: whole lines, ended by CRLF.
    fn ask_for(&self, target: &str, method: &str, fields: &str) -> Reply {
        let fields = fields.replace(TAG, &self.tag).replace(DATE, &self.date);
        self.send(&format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n"))
    }

    /// Of the file.
    fn ask(&self, method: &str, fields: &str) -> Reply {
        self.ask_for(&self.target, method, fields)
    }
}

/// `200` with all of it.
const ALL: (u16, &str) = (200, BODY);

#[test]
fn conditions_ranges_and_their_precedence() {
    let served = Served::new();
    for (section, fields, (status, body)) in [
        ("13.1.1: If-Match compares strongly", "If-Match: TAG\r\n", ALL),
        ("13.1.1: a weak tag matches nothing strongly", "If-Match: W/TAG\r\n", (412, "")),
        ("13.1.1: * matches what is there", "If-Match: *\r\n", ALL),
        ("13.1.1: a list", "If-Match: \"a\", TAG\r\n", ALL),
        ("5.3: a list over lines is one list", "If-Match: \"a\"\r\nIf-Match: TAG\r\n", ALL),
        ("13.1.1: none of them", "If-Match: \"a\", \"b\"\r\n", (412, "")),
        ("13.1.2: If-None-Match compares weakly", "If-None-Match: W/TAG\r\n", (304, "")),
        ("13.1.2: * matches what is there", "If-None-Match: *\r\n", (304, "")),
        ("13.1.2: another tag", "If-None-Match: \"a\"\r\n", ALL),
        ("13.1.3: not modified since", "If-Modified-Since: DATE\r\n", (304, "")),
        ("13.1.3: modified since", &format!("If-Modified-Since: {EARLIER}\r\n"), ALL),
        ("13.1.3: what is no date is ignored", "If-Modified-Since: yesterday\r\n", ALL),
        ("13.1.3: ignored beside If-None-Match", "If-None-Match: \"a\"\r\nIf-Modified-Since: DATE\r\n", ALL),
        ("13.1.4: unmodified since", "If-Unmodified-Since: DATE\r\n", ALL),
        ("13.1.4: modified since", &format!("If-Unmodified-Since: {EARLIER}\r\n"), (412, "")),
        ("13.1.4: ignored beside If-Match", &format!("If-Match: TAG\r\nIf-Unmodified-Since: {EARLIER}\r\n"), ALL),
        ("13.2.2: If-Match before If-None-Match", "If-Match: \"a\"\r\nIf-None-Match: TAG\r\n", (412, "")),
        ("13.2.2: conditions before the range", "If-None-Match: TAG\r\nRange: bytes=99-\r\n", (304, "")),
        ("14.2: the first octets", "Range: bytes=0-3\r\n", (206, "0123")),
        ("14.1.2: to the end", "Range: bytes=8-\r\n", (206, "89")),
        ("14.1.2: the last octets", "Range: bytes=-3\r\n", (206, "789")),
        ("14.1.2: more of them than there are", "Range: bytes=-99\r\n", (206, BODY)),
        ("14.1.2: past the end is cut there", "Range: bytes=8-99\r\n", (206, "89")),
        ("14.1.1: a number that no machine holds", "Range: bytes=5-99999999999999999999999\r\n", (206, "56789")),
        ("14.1: units compare without case", "Range: BYTES=0-0\r\n", (206, "0")),
        ("14.1.1: not satisfiable", "Range: bytes=10-\r\n", (416, "")),
        ("14.1.2: the last none", "Range: bytes=-0\r\n", (416, "")),
        ("14.1.1: a number past all numbers", "Range: bytes=99999999999999999999999-\r\n", (416, "")),
        ("14.2: malformed is ignored", "Range: bytes=3-1\r\n", ALL),
        ("14.2: malformed is ignored", "Range: bytes=a-b\r\n", ALL),
        ("14.2: malformed is ignored", "Range: bytes 0-1\r\n", ALL),
        ("14.2: malformed is ignored", "Range: bytes=0 - 1\r\n", ALL),
        ("14.2: malformed is ignored", "Range: bytes=+0-1\r\n", ALL),
        ("14.2: an unknown unit is ignored", "Range: lines=0-1\r\n", ALL),
        ("14.2: several may be ignored", "Range: bytes=0-0,-1\r\n", ALL),
        ("5.3: of a field that comes once, two are none", "Range: bytes=0-0\r\nRange: bytes=1-1\r\n", ALL),
        ("5.6.1.2: empty elements of a list", "Range: bytes=,0-0,\r\n", (206, "0")),
        ("13.1.5: If-Range, strongly", "Range: bytes=0-0\r\nIf-Range: TAG\r\n", (206, "0")),
        ("13.1.5: a weak tag never holds", "Range: bytes=0-0\r\nIf-Range: W/TAG\r\n", ALL),
        ("13.1.5: another version", "Range: bytes=0-0\r\nIf-Range: \"a\"\r\n", ALL),
        ("13.1.5: exactly the date", "Range: bytes=0-0\r\nIf-Range: DATE\r\n", (206, "0")),
        ("13.1.5: an earlier date", &format!("Range: bytes=0-0\r\nIf-Range: {EARLIER}\r\n"), ALL),
        ("13.1.5: a later date is not the date", &format!("Range: bytes=0-0\r\nIf-Range: {LATER}\r\n"), ALL),
        ("13.1.5: no range, nothing to ask", "If-Range: \"a\"\r\n", ALL),
        ("13.1.5: before what is not satisfiable", "Range: bytes=99-\r\nIf-Range: \"a\"\r\n", ALL),
        ("5.5: spaces around a value", "Range:   bytes=0-0  \r\n", (206, "0")),
        ("5.5: octets past ASCII", "If-None-Match: \"\u{e9}\"\r\n", ALL),
        ("10.1.1: an expectation without content", "Expect: 100-continue\r\n", ALL),
        ("9.3.1: content of a GET has no meaning", "Content-Length: 5\r\n\r\nhello", ALL),
        ("12.5.1: Accept is no condition here", "Accept: image/png\r\n", ALL),
        ("12.5.3: nothing is encoded", "Accept-Encoding: gzip, br, identity;q=0\r\n", ALL),
    ] {
        let reply = served.ask("GET", fields);
        assert_eq!(reply.status, status, "{section}");
        if matches!(status, 200 | 206) {
            assert_eq!(reply.body, body.as_bytes(), "{section}");
            assert_eq!(reply.field("content-length"), Some(body.len().to_string().as_str()), "{section}");
            // 8.8.3, 14.3, 15.3.7: what a client needs to go on later.
            assert_eq!(reply.field("etag"), Some(served.tag.as_str()), "{section}");
            assert_eq!(reply.field("last-modified"), Some(served.date.as_str()), "{section}");
            assert_eq!(reply.field("accept-ranges"), Some("bytes"), "{section}");
        }
        let at = BODY.find(body).unwrap_or_default();
        let range = match status {
            206 => Some(format!("bytes {at}-{}/10", at + body.len() - 1)),
            416 => Some("bytes */10".to_owned()),
            _ => None,
        };
        assert_eq!(reply.field("content-range").map(str::to_owned), range, "14.4, {section}");
        if status == 304 {
            // 15.4.5: no content, and the fields that a 200 would have had.
            assert!(reply.body.is_empty(), "{section}");
            assert_eq!(reply.field("etag"), Some(served.tag.as_str()), "{section}");
            assert_eq!(reply.field("content-type"), None, "{section}");
        }
        assert!(reply.field("date").is_some(), "6.6.1, {section}");
        assert_eq!(reply.field("connection"), Some("close"), "9112 9.6, {section}");
    }
}

#[test]
fn head_is_get_without_the_content() {
    let served = Served::new();
    for target in [&served.target, "/a/nothing", "/robots.txt"] {
        for fields in [
            "",
            "If-None-Match: TAG\r\n",
            "If-Match: \"a\"\r\n",
            "If-Modified-Since: DATE\r\n",
            "Accept: text/html\r\n",
            "Accept: text/html\r\nIf-Match: \"a\"\r\n",
        ] {
            let (get, head) = (served.ask_for(target, "GET", fields), served.ask_for(target, "HEAD", fields));
            let fields_of =
                |reply: &Reply| -> Vec<_> { reply.fields.iter().filter(|(name, _)| name != "date").cloned().collect() };
            assert_eq!((get.status, fields_of(&get)), (head.status, fields_of(&head)), "9.3.2: {target} {fields:?}");
            assert!(head.body.is_empty(), "9.3.2: {target} {fields:?}");
            // 8.6: a stated length is the content's.
            if let Some(length) = get.field("content-length") {
                assert_eq!(length, get.body.len().to_string(), "{target} {fields:?}");
            }
        }
    }
    // 14.2: only GET has ranges.
    let head = served.ask("HEAD", "Range: bytes=0-0\r\n");
    assert_eq!((head.status, head.field("content-length")), (200, Some("10")));
}

#[test]
fn methods() {
    let served = Served::new();
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get", "X-Y"] {
        let reply = served.ask(method, "");
        assert_eq!((reply.status, reply.field("allow")), (405, Some("GET, HEAD, OPTIONS")), "15.5.6: {method}");
    }
    let options = served.ask("OPTIONS", "");
    assert_eq!((options.status, options.field("allow")), (204, Some("GET, HEAD, OPTIONS")), "9.3.7");
    assert_eq!((options.field("content-length"), options.body.len()), (None, 0), "8.6: no length of a 204");
    let whole = served.send("OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(
        (whole.status, whole.field("allow")),
        (204, Some("GET, HEAD, POST, OPTIONS")),
        "9.3.7: the server as a whole"
    );
    let nowhere = served.send("POST /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(nowhere.status, 404, "15.5.5");
}

/// RFC 9112: messages, and connections that go on or end.
#[test]
fn messages_and_connections() {
    let served = Served::new();
    let target = &served.target;
    let close = "Connection: close\r\n";
    for (section, octets, status) in [
        ("9112 3.2: a Host is needed", format!("GET {target} HTTP/1.1\r\n{close}\r\n"), 400),
        ("9112 3.2: that is one", format!("GET {target} HTTP/1.1\r\nHost: a b\r\n{close}\r\n"), 400),
        ("9112 3.2: or empty", format!("GET {target} HTTP/1.1\r\nHost:\r\n{close}\r\n"), 200),
        ("9110 7.1: only OPTIONS asks about the server", format!("GET * HTTP/1.1\r\nHost: x\r\n{close}\r\n"), 404),
        ("9112 3.2: one only", format!("GET {target} HTTP/1.1\r\nHost: x\r\nHost: y\r\n{close}\r\n"), 400),
        ("9112 3.2: not in 1.0", format!("GET {target} HTTP/1.0\r\n\r\n"), 200),
        ("9112 3.2.2: absolute form", format!("GET http://x{target} HTTP/1.1\r\nHost: x\r\n{close}\r\n"), 200),
        ("9112 2.2: an empty line before", format!("\r\nGET {target} HTTP/1.1\r\nHost: x\r\n{close}\r\n"), 200),
        ("9112 5.1: no space before the colon", format!("GET {target} HTTP/1.1\r\nHost : x\r\n{close}\r\n"), 400),
        ("9112 3: three parts", format!("GET {target}\r\nHost: x\r\n\r\n"), 400),
        ("9112 2.3: no such version", format!("GET {target} HTTP/3.7\r\nHost: x\r\n\r\n"), 400),
        (
            "9112 6.3: two lengths",
            format!("GET {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n{close}\r\nab"),
            400,
        ),
        (
            "9112 6.1: a coding of 1.1 in 1.0",
            format!("GET {target} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            400,
        ),
        ("9110 15.5.5: a query tells nothing", format!("GET /nothing?x HTTP/1.1\r\nHost: x\r\n{close}\r\n"), 404),
    ] {
        assert_eq!(served.send(&octets).status, status, "{section}");
    }
    // 9112 9.3.2: requests in a row are answered in a row.
    let one = |fields: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let row = format!("{}{}{}", one("Range: bytes=0-1\r\n"), one("Range: bytes=2-3\r\n"), one(close));
    let answers = exchange(served.service.public, row.as_bytes()).expect("answers");
    let answers = String::from_utf8(answers).expect("ASCII");
    let bodies: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|it| it.rsplit("\r\n").next().unwrap()).collect();
    assert_eq!(bodies, ["01", "23", BODY]);
    // 9112 9.3: a client of 1.0 that asks for it keeps its connection, and is told so.
    let kept = format!("GET {target} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n{}", one(close));
    let kept = String::from_utf8(exchange(served.service.public, kept.as_bytes()).expect("answers")).expect("ASCII");
    assert_eq!(kept.matches(BODY).count(), 2, "{kept}");
    assert!(kept.to_lowercase().contains("connection: keep-alive"), "{kept}");
}
