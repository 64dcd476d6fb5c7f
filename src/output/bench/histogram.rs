//! A histogram of latencies in rows: buckets evenly spaced by their logarithms, few enough for a screen.

use std::io::{self, Write};

use crate::observe::model::LatencyBucket;
use crate::text::{percent, percent_of, precise_duration};

/// Rows at most, unless latencies span more decades than that.
const ROWS: usize = 10;
/// Columns of the longest bar.
const BAR: usize = 40;
/// Where rows may begin in each decade, in hundredths of it: finer spacings first.
const SPACINGS: [&[u64]; 4] = [
    &[100, 125, 160, 200, 250, 320, 400, 500, 640, 800],
    &[100, 200, 500],
    &[100, 320],
    &[100],
];

/// Writes the rows behind an empty line; nothing where nothing was timed.
///
/// # Errors
/// Those of `out`.
pub(super) fn write(out: &mut impl Write, buckets: &[LatencyBucket]) -> io::Result<()> {
    let rows = rows(buckets);
    let total: u64 = rows.iter().map(|row| row.count).sum();
    let most = rows.iter().map(|row| row.count).max().unwrap_or_default();
    if !rows.is_empty() {
        writeln!(out)?;
    }
    for LatencyBucket {
        from_ns,
        to_ns,
        count,
    } in rows
    {
        let bar = match bar(count, most) {
            // Some, if too few for a mark.
            0 if count > 0 => ".".to_owned(),
            marks => "#".repeat(marks),
        };
        let line = format!(
            "  {:>7} to {:>7} {count:>10} {:>3} % {bar}",
            precise_duration(from_ns),
            precise_duration(to_ns),
            percent(percent_of(count, total))
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Marks for `count`, to the nearest, where `most` has [`BAR`].
fn bar(count: u64, most: u64) -> usize {
    let marks =
        (u128::from(count) * BAR as u128 * 2 + u128::from(most)) / (u128::from(most.max(1)) * 2);
    usize::try_from(marks).unwrap_or(BAR)
}

/// The same in the finest spacing that has few enough rows.
fn rows(buckets: &[LatencyBucket]) -> Vec<LatencyBucket> {
    let mut rows = Vec::new();
    for spacing in SPACINGS {
        rows = merged(buckets, spacing);
        if rows.len() <= ROWS {
            break;
        }
    }
    rows
}

fn merged(buckets: &[LatencyBucket], spacing: &[u64]) -> Vec<LatencyBucket> {
    let mut rows: Vec<LatencyBucket> = Vec::new();
    for bucket in buckets {
        let (from_ns, to_ns) = around(bucket.from_ns, spacing);
        match rows.last_mut() {
            Some(row) if row.from_ns == from_ns => row.count += bucket.count,
            _ => rows.push(LatencyBucket {
                from_ns,
                to_ns,
                count: bucket.count,
            }),
        }
    }
    rows
}

/// The two edges of a spacing between which `ns` lies; the first is no more than it.
fn around(ns: u64, spacing: &[u64]) -> (u64, u64) {
    if ns < 10 {
        return (0, 10);
    }
    let decade = 10_u64.pow(ns.ilog10());
    let edge = |step: &u64| (u128::from(decade) * u128::from(*step) / 100) as u64;
    let from = spacing.iter().map(edge).filter(|edge| *edge <= ns).max();
    let to = spacing.iter().map(edge).find(|edge| *edge > ns);
    (
        from.unwrap_or(decade),
        to.unwrap_or(decade.saturating_mul(10)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(from_ns: u64, to_ns: u64, count: u64) -> LatencyBucket {
        LatencyBucket {
            from_ns,
            to_ns,
            count,
        }
    }

    fn drawn(buckets: &[LatencyBucket]) -> String {
        let mut out = Vec::new();
        write(&mut out, buckets).expect("memory takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_few_rows_are_drawn_as_they_are() {
        let text = drawn(&[
            bucket(800, 1000, 10),
            bucket(1000, 1250, 1_000_000),
            bucket(1250, 1600, 0),
            bucket(1600, 2000, 262_500),
        ]);
        let expected = "
   800 ns to 1.00 \u{b5}s         10  <1 % .
  1.00 \u{b5}s to 1.25 \u{b5}s    1000000  79 % ########################################
  1.25 \u{b5}s to 1.60 \u{b5}s          0   0 %
  1.60 \u{b5}s to 2.00 \u{b5}s     262500  20 % ###########
";
        assert_eq!(text, expected);
        assert_eq!(drawn(&[]), "");
    }

    #[test]
    fn many_rows_are_merged_and_lose_nothing() {
        let edges = [100, 125, 160, 200, 250, 320, 400, 500, 640, 800];
        let edges: Vec<u64> = (0..6)
            .flat_map(|decade| edges.map(|edge| edge * 10_u64.pow(decade)))
            .collect();
        for length in 2..edges.len() {
            for from in [0, 3, 9] {
                let part = &edges[from.min(length - 2)..length];
                let buckets: Vec<_> = part
                    .windows(2)
                    .map(|pair| bucket(pair[0], pair[1], 7))
                    .collect();
                let rows = rows(&buckets);
                assert!((1..=ROWS).contains(&rows.len()), "{}", rows.len());
                assert_eq!(
                    rows.iter().map(|row| row.count).sum::<u64>(),
                    7 * buckets.len() as u64
                );
                assert!(
                    rows.windows(2).all(|pair| pair[0].to_ns == pair[1].from_ns),
                    "{rows:?}"
                );
            }
        }
    }

    #[test]
    fn lines_are_short_whatever_was_counted() {
        let text = drawn(&[
            bucket(0, 10, u64::from(u32::MAX)),
            bucket(999_000_000_000, 1_000_000_000_000, 1),
        ]);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }

    #[test]
    fn edges_enclose_a_time() {
        for spacing in SPACINGS {
            for ns in [0, 9, 10, 12, 99, 100, 639, 12_345, u64::MAX] {
                let (from, to) = around(ns, spacing);
                assert!(
                    from <= ns && (ns < to || to == u64::MAX),
                    "{ns} in {from}..{to}"
                );
            }
        }
        assert_eq!(around(640, SPACINGS[1]), (500, 1000));
    }
}
