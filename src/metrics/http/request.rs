//! What is asked for.

use crate::metrics::Encoding;

/// The longest request that is read, bytes: more than any scraper sends.
pub(super) const LONGEST: usize = 8 << 10;

/// What there is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// A few words on what there is.
    Landing,
    /// The metrics.
    Metrics,
    /// That the program runs.
    Health,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which page.
    pub page: Page,
    /// Without its body.
    pub head_only: bool,
    /// How metrics are to be written.
    pub encoding: Encoding,
}

/// Why a request is not answered as it wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is none.
    Malformed,
    /// There is no such page.
    NotFound,
    /// It wants something to be done.
    NotAllowed,
    /// It is too long.
    TooLong,
    /// It did not come to its end in time.
    TooSlow,
}

impl Refusal {
    /// The status line's end.
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::NotAllowed => "405 Method Not Allowed",
            Self::TooLong => "431 Request Header Fields Too Large",
            Self::TooSlow => "408 Request Timeout",
        }
    }
}

/// What the bytes that have come ask for; `None` as long as more is to come.
pub(super) fn parse(bytes: &[u8]) -> Option<Result<Request, Refusal>> {
    let Some(end) = end_of_head(bytes) else {
        return (bytes.len() >= LONGEST).then_some(Err(Refusal::TooLong));
    };
    Some(parse_head(&bytes[..end]))
}

/// Where the empty line is that ends the head.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let ends = |at: &usize| {
        let rest = &bytes[*at..];
        rest.starts_with(b"\n\r\n") || rest.starts_with(b"\n\n")
    };
    memchr::memchr_iter(b'\n', bytes).find(ends)
}

fn parse_head(head: &[u8]) -> Result<Request, Refusal> {
    let head = std::str::from_utf8(head).map_err(|_| Refusal::Malformed)?;
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refusal::Malformed);
    };
    if !version.starts_with("HTTP/1.") {
        return Err(Refusal::Malformed);
    }
    let head_only = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return Err(Refusal::NotAllowed),
    };
    // A proxy may be sent the whole address.
    let path = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    let page = match path.split(['?', '#']).next().unwrap_or_default() {
        "/" => Page::Landing,
        "/metrics" => Page::Metrics,
        "/healthz" => Page::Health,
        _ => return Err(Refusal::NotFound),
    };
    let accept = lines.filter_map(|line| line.split_once(':'));
    let accept = accept.filter(|(name, _)| name.eq_ignore_ascii_case("accept"));
    let accept: Vec<&str> = accept.map(|(_, value)| value.trim()).collect();
    Ok(Request {
        page,
        head_only,
        encoding: Encoding::accepted(&accept.join(",")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_understood() {
        let classic = |page, head_only| Request {
            page,
            head_only,
            encoding: Encoding::Classic,
        };
        for (text, expected) in [
            ("GET / HTTP/1.1\r\n\r\n", Ok(classic(Page::Landing, false))),
            (
                "HEAD /metrics?x=1 HTTP/1.0\n\n",
                Ok(classic(Page::Metrics, true)),
            ),
            (
                "GET http://h:1/healthz HTTP/1.1\r\nHost: h\r\n\r\nmore",
                Ok(classic(Page::Health, false)),
            ),
            (
                "GET /metrics HTTP/1.1\r\naccept: application/openmetrics-text\r\n\r\n",
                Ok(Request {
                    encoding: Encoding::OpenMetrics,
                    ..classic(Page::Metrics, false)
                }),
            ),
            ("POST /metrics HTTP/1.1\r\n\r\n", Err(Refusal::NotAllowed)),
            ("GET /other HTTP/1.1\r\n\r\n", Err(Refusal::NotFound)),
            ("GET /metrics\r\n\r\n", Err(Refusal::Malformed)),
            ("GET  /metrics HTTP/1.1\r\n\r\n", Err(Refusal::Malformed)),
            ("GET /metrics HTTP/2\r\n\r\n", Err(Refusal::Malformed)),
            ("\r\n\r\n", Err(Refusal::Malformed)),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(expected), "{text:?}");
        }
        assert_eq!(parse(b"\xff\xfe\n\n"), Some(Err(Refusal::Malformed)));
        assert_eq!(parse(b"GET /metrics HTTP/1.1\r\nHost: x\r\n"), None);
        assert_eq!(parse(&[b'x'; LONGEST]), Some(Err(Refusal::TooLong)));
    }

    #[test]
    fn it_takes_no_longer_for_a_request_of_many_lines() {
        let lines = "a:\r".repeat(LONGEST) + &"\n".repeat(LONGEST);
        assert!(parse(lines.as_bytes()).is_some());
    }
}
