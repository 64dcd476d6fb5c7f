use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::observe::messages::Sighted;
use crate::observe::model::{Gap, GapReason};
use crate::output::packets::PacketStream;
use crate::output::tail::{self, Format, Observed, TailMessage};
use crate::ring::{MessageHeader, RawMessage};

/// A message as it was: header, payload, when it was seen; and the bytes that were passed over before it.
type Sent = (u64, u8, u8, Vec<u8>, u64, u64);

fn sent() -> impl Strategy<Value = Sent> {
    let times = 0..u64::from(u32::MAX) * 1_000_000_000;
    (
        any::<u64>(),
        any::<u8>(),
        any::<u8>(),
        vec(any::<u8>(), 0..300),
        times,
        0..3_u64,
    )
}

/// What `write` makes of them, and what is expected to come back.
fn written(
    all: &[Sent],
    mut write: impl FnMut(&mut Vec<u8>, &RawMessage<'_>, Sighted),
    mut skip: impl FnMut(&mut Vec<u8>, &Gap, Sighted),
) -> (Vec<u8>, Vec<Item>) {
    let (mut out, mut expected) = (Vec::new(), Vec::new());
    let mut offset = 0;
    for (seq_id, flags, fds, payload, at_ns, gap) in all {
        let sighted = Sighted {
            at_ns: *at_ns,
            uncertainty_us: 5,
        };
        if *gap > 0 {
            let gap = Gap {
                from: offset,
                to: offset + gap,
                why: GapReason::Overrun,
                torn: 0,
            };
            skip(&mut out, &gap, sighted);
            expected.push(Item::Gap(gap.to - gap.from));
            offset = gap.to;
        }
        let header = MessageHeader {
            payload_len: payload.len() as u32,
            fd_count: *fds,
            flags: *flags,
            reserved: 0,
            seq_id: *seq_id,
        };
        let raw = RawMessage {
            offset,
            header,
            payload,
        };
        write(&mut out, &raw, sighted);
        offset += header.total_len();
        expected.push(Item::Message(InputMessage {
            payload: payload.clone(),
            header: Some((*seq_id, *flags)),
            fds: *fds,
            torn: false,
            at_ns: Some(*at_ns),
        }));
    }
    (out, expected)
}

fn read(bytes: Vec<u8>, format: InputFormat) -> Vec<Item> {
    let mut input = Input::of(bytes, format);
    std::iter::from_fn(|| input.next().expect("what was written can be read")).collect()
}

fn lines(format: Format) -> impl FnMut(&mut Vec<u8>, &RawMessage<'_>, Sighted) {
    move |out, raw, sighted| {
        let shown = TailMessage {
            raw: *raw,
            integrity: Integrity::Intact,
            observed: &Observed::from(sighted),
            fds: None,
            decoding: None,
            age: None,
        };
        tail::message(out, format, &shown).expect("a Vec");
    }
}

proptest! {
    #[test]
    fn what_tail_writes_comes_back(all in vec(sent(), 0..20)) {
        let gap = |out: &mut Vec<u8>, gap: &Gap, _| {
            tail::gap(out, Format::Json, gap).expect("a Vec");
        };
        let (bytes, expected) = written(&all, lines(Format::Json), gap);
        prop_assert_eq!(read(bytes, InputFormat::Json), expected);

        let stream = std::cell::RefCell::new(PacketStream::new(true));
        let mut begin = Vec::new();
        stream.borrow_mut().begin_ring(&mut begin, "1/2", "test");
        let (bytes, expected) = written(
            &all,
            |out, raw, sighted| {
                let done = stream.borrow_mut().message(out, raw, Integrity::Intact, sighted, |_| Ok(()));
                done.expect("a Vec");
            },
            |out, gap, sighted| stream.borrow_mut().gap(out, gap, sighted),
        );
        prop_assert_eq!(read([begin, bytes].concat(), InputFormat::Pcapng), expected);

        // Those that have no place for anything else.
        for (format, input) in [(Format::Base64, InputFormat::Base64), (Format::LenPrefixed, InputFormat::LenPrefixed)] {
            let (bytes, _) = written(&all, lines(format), |_, _, _| {});
            let payloads = all.iter().map(|sent| message(sent.3.clone()).into());
            prop_assert_eq!(read(bytes, input), payloads.collect::<Vec<Item>>());
        }
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in vec(any::<u8>(), 0..400)) {
        for format in [InputFormat::Lines, InputFormat::LenPrefixed, InputFormat::Json, InputFormat::Base64, InputFormat::Pcapng] {
            let mut input = Input::of(bytes.clone(), format);
            let mut left = 1000;
            while left > 0 && matches!(input.next(), Ok(Some(_))) {
                left -= 1;
            }
            prop_assert!(left > 0, "{format:?}");
        }
    }
}

#[test]
fn lines_are_messages_and_what_is_wrong_is_said() {
    let payloads = |bytes: &[u8]| {
        let items = read(bytes.to_vec(), InputFormat::Lines).into_iter();
        items
            .map(|item| match item {
                Item::Message(message) => message.payload,
                Item::Gap(_) => panic!("no gap"),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(payloads(b"a\n\nb"), [&b"a"[..], b"", b"b"]);
    assert!(payloads(b"").is_empty());
    for (format, bytes, words) in [
        (
            InputFormat::Json,
            &b"{}\n"[..],
            "test, line 1: found neither a text nor base64",
        ),
        (
            InputFormat::Json,
            b"{\"text\":\"a\"}\nno",
            "test, line 2: expected an object",
        ),
        (InputFormat::Base64, b"YQ==\n%", "test, line 2"),
        (
            InputFormat::LenPrefixed,
            b"\x05\0\0\0ab",
            "5 bytes were to come, found 2",
        ),
        (
            InputFormat::LenPrefixed,
            b"\x05\0",
            "in the middle of message 1",
        ),
        (InputFormat::Pcapng, b"no", "expected pcapng"),
    ] {
        let mut input = Input::of(bytes.to_vec(), format);
        let error = std::iter::from_fn(|| input.next().transpose()).find_map(Result::err);
        let error = format!("{:#}", error.expect("something is wrong"));
        assert!(error.contains(words), "{error}");
    }
}
