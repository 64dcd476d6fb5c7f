//! How fast payloads are decoded: by a layout, and JSON beside what `serde_json` takes for its own value.
//!
//! `cargo bench --bench decode`. Figures of one run are compared with each other, as machines differ.
#![expect(clippy::print_stdout, reason = "a bench prints what it measures")]

use std::hint::black_box;
use std::time::Instant;

use zbqtop::decode::{DecodeSpec, Decoded};

const LAYOUT: &str = "px:f64 qty:u32 side:u8{0=buy,1=sell} sym:char[8] rest:bytes";
const JSON: &[u8] = br#"{"sym":"EURUSD","px":1.08345,"qty":300,"side":"buy","ts":1795708978622844590,"legs":[{"q":1,"p":2.5},{"q":-2,"p":3.5}],"ok":true,"none":null}"#;

/// Messages a second, the best of five.
fn rate(messages: u32, mut each: impl FnMut(u32)) -> f64 {
    let runs = (0..5).map(|_| {
        let begun = Instant::now();
        (0..messages).for_each(&mut each);
        f64::from(messages) / begun.elapsed().as_secs_f64()
    });
    runs.fold(0.0, f64::max)
}

fn main() {
    let open = |spec: &str| {
        let spec: DecodeSpec = spec.parse().expect("a decoder");
        spec.open().expect("it needs nothing")
    };
    let mut out = Decoded::default();
    let mut payload = [0; 32];
    payload[..8].copy_from_slice(&101.5_f64.to_le_bytes());
    payload[13..16].copy_from_slice(b"ABC");
    let mut layout = open(LAYOUT);
    let layouts = rate(2_000_000, |number| {
        payload[8] = number as u8;
        layout.decode(&payload, &mut out).expect("it fits");
        black_box(&out);
    });
    let mut json = open("json");
    let ours = rate(400_000, |_| {
        json.decode(JSON, &mut out).expect("JSON");
        black_box(&out);
    });
    let theirs = rate(400_000, |_| {
        let value: serde_json::Value = serde_json::from_slice(JSON).expect("JSON");
        black_box(value);
    });
    println!(
        "layout, 32 bytes    {:.1} M messages/s (wanted: 5)",
        layouts / 1e6
    );
    println!(
        "JSON, {} bytes     {:.2} M messages/s",
        JSON.len(),
        ours / 1e6
    );
    println!("serde_json::Value   {:.2} M messages/s", theirs / 1e6);
    println!(
        "JSON takes {:.2} times what serde_json takes (wanted: 2)",
        theirs / ours
    );
}
