//! What strangers send, in whatever form: each check over the small corpus of `fuzz/corpus`, and over inputs made from it by
//! chance that follows from a seed.
//!
//! Each file has one function, `check`, that takes any octets and asserts what must hold for them. The same functions run
//! under coverage guidance: `scripts/fuzz`. An input that it finds is put into the corpus once the defect is mended.

mod api;
mod client;
mod conditional;
mod config;
mod filename;
mod media;
mod mutate;
mod names;
mod public;
mod token;

use std::path::{Path, PathBuf};

use crate::random::Random;

/// The seed of the short form, which tries the same every time.
const USUAL_SEED: u64 = 1;
/// How many times more the long form tries.
const LONG: u32 = 100;

/// Each check by its name, and how many inputs the short form makes for it: what takes about a second.
macro_rules! targets {
    ($($name:ident: $inputs:literal),+ $(,)?) => {
        const TARGETS: &[&str] = &[$(stringify!($name)),+];
        $(
            #[test]
            fn $name() {
                tries(stringify!($name), $inputs, $name::check);
            }
        )+
    };
}
targets! {
    api: 300,
    client: 10_000,
    conditional: 20_000,
    config: 500,
    filename: 5_000,
    media: 20_000,
    names: 10_000,
    public: 500,
    token: 1_000,
}

fn tries(target: &str, inputs: u32, check: fn(&[u8])) {
    let corpus = corpus(target);
    for (path, input) in &corpus {
        attempt(&path.display().to_string(), input, check);
    }
    let long = std::env::var_os("ATTACHLINK_TEST_LONG").is_some_and(|value| value == "1");
    let seed = seed(long);
    println!("{target}: seed {seed}; ATTACHLINK_FUZZ_SEED={seed} tries the same again");
    let mut random = Random(seed);
    let inputs_of_corpus: Vec<&[u8]> = corpus.iter().map(|(_, input)| &input[..]).collect();
    for number in 0..if long { inputs * LONG } else { inputs } {
        let input = mutate::made(&mut random, &inputs_of_corpus);
        attempt(&format!("input {number} of seed {seed}"), &input, check);
    }
}

fn seed(long: bool) -> u64 {
    match std::env::var("ATTACHLINK_FUZZ_SEED") {
        Ok(seed) => seed.parse().expect("ATTACHLINK_FUZZ_SEED is a number"),
        Err(_) if long => u64::from_le_bytes(attachlink::login::random()),
        Err(_) => USUAL_SEED,
    }
}

/// Checks one input, and says which it was when that fails.
fn attempt(name: &str, input: &[u8], check: fn(&[u8])) {
    struct Named<'a>(&'a str, &'a [u8]);
    impl Drop for Named<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                println!("{} fails: b\"{}\"", self.0, self.1.escape_ascii());
            }
        }
    }
    let _named = Named(name, input);
    check(input);
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = root().join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.into_iter().map(|path| (path.clone(), std::fs::read(&path).expect("a file"))).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the search under coverage guidance is built from is not part of this build.
#[test]
fn each_check_is_searched_under_coverage_guidance_too() {
    let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = manifest.parse().expect("TOML");
    let bins = manifest["bin"].as_array().expect("programs").iter();
    let mut bins: Vec<&str> = bins.map(|bin| bin["name"].as_str().expect("a name")).collect();
    bins.sort_unstable();
    assert_eq!(bins, TARGETS);
    for target in TARGETS {
        let path = root().join(format!("fuzz/fuzz_targets/{target}.rs"));
        let wrapper = std::fs::read_to_string(&path).expect("a program");
        assert!(wrapper.contains(&format!("{target}::check(input)")), "{}", path.display());
    }
}
