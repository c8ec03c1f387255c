//! Texts made to exhaust time, memory or the stack, and random ones.

use std::time::{Duration, Instant};

use super::super::{MAX_FILE_BYTES, parse};
use super::{GOOD, bad, env, with_steps, words};

#[test]
fn hostile_texts_end_soon_and_quietly() {
    let bomb: String = std::iter::once("a0: &a0 [x, x]\n".to_owned())
        .chain((1..60).map(|i| format!("a{i}: &a{i} [*a{p}, *a{p}, *a{p}]\n", p = i - 1)))
        .collect();
    let n = 100_000;
    let mut texts = vec![bomb];
    for unit in
        ["[", "{", "- ", "? ", "{a: ", "[{", "a: ", "&a ", "!", "\"", "'", "|", "%", "---\n", "*a ", "\t"]
    {
        texts.push(unit.repeat(n));
        texts.push(format!("steps: {}", unit.repeat(n)));
    }
    let size = usize::try_from(MAX_FILE_BYTES).unwrap();
    for unit in ["a", " ", "\n", "#\n", "a,", "a\n", "-\n", "? x\n", "[],", "${A}", "${", "$${", "é", ": "] {
        texts.push(unit.repeat(size / unit.len()));
        texts.push(format!("[{}", unit.repeat(size / unit.len())));
        texts.push(format!("name: \"{}", unit.repeat(size / unit.len())));
    }
    texts.push((0..500).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect());
    texts.push((0..60_000).map(|i| format!("k{i}: v\n")).collect());
    texts.push((0..20_000).map(|i| format!("k{i}: v\n")).collect());
    texts.push("k: v\n".repeat(40_000).replace("k: v\n", "version: x\n"));
    texts.push(with_steps(&"- write: {quality: x}\n".repeat(9_000)));
    texts.push(with_steps(&"- write\n".repeat(20_000)));
    for text in &texts {
        let timed = || {
            let start = Instant::now();
            let found = bad(text, &[]);
            let rendered = found.to_string();
            (start.elapsed(), found, rendered)
        };
        let (mut took, found, rendered) = timed();
        // A busy machine may delay one attempt; a slow parser is slow in all of them.
        for _ in 0..2 {
            if took >= Duration::from_secs(1) {
                took = took.min(timed().0);
            }
        }
        let head: String = text.chars().take(30).collect();
        assert!(took < Duration::from_secs(1), "{head:?} took {took:?}");
        assert!(found.iter().count() <= 100 && rendered.len() < 100_000, "{head:?} {}", rendered.len());
    }
    for unit in ["[", "- ", "{a: "] {
        let found = bad(&unit.repeat(n), &[]).to_string();
        assert!(found.contains("nested more than 32 levels deep"), "{found}");
    }
}

#[test]
fn garbage_never_panics() {
    // A small linear congruential generator: the same texts in every run.
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % below
    };
    let alphabet: Vec<char> = "abz019 \n\n\t:-?[]{},#&*!|>'\"%@`~$.=<\\é\u{feff}\u{0}".chars().collect();
    for _ in 0..3000 {
        let mut text: Vec<char> = GOOD.chars().collect();
        for _ in 0..=next(6) {
            let at = next(text.len());
            let change = alphabet[next(alphabet.len())];
            match next(3) {
                0 => text[at] = change,
                1 => text.insert(at, change),
                _ => drop(text.remove(at)),
            }
        }
        let text: String = text.into_iter().collect();
        let change: String = (0..next(12)).map(|_| alphabet[next(alphabet.len())]).collect();
        for overrides in [vec![], vec![change.clone()], vec![format!("steps.restore.model={change}")]] {
            if let Err(found) = parse(&text, "f.yaml", &overrides, &env, &words()) {
                assert!(found.count() > 0 && found.to_string().starts_with("error: "), "{text}");
            }
        }
    }
}
