//! The promise on revocation, under attack.
//!
//! Several replicas run as processes on one PostgreSQL, each behind a proxy of ours that delays, holds and cuts. One client
//! in this process makes links, opens them and revokes them all the time, and writes down when each call was made and
//! answered, while replicas are stopped, cut off and killed and the database is restarted. Then a judge goes over the
//! record. The same attack on replicas with a planted bug must be reported, for each bug, or it proves nothing.

mod bugs;
mod client;
mod download;
mod fleet;
mod fronts;
mod judge;
mod load;
mod project;
mod proxy;
mod queues;
mod record;
mod recorder;
mod replica;
mod report;
mod run;
mod storm;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use bugs::Bug;
use judge::{Kind, judge};
use run::{Run, Strength};

use crate::postgres_server::Cluster;

/// How much is done.
struct Size {
    revocations: usize,
    attempts: usize,
    /// A loaded machine gets less done; then it must at least be this much.
    revocations_at_least: usize,
    /// The attack ends by itself.
    lasts_at_most: Duration,
    /// Dead links that are tried again after everything was restarted.
    tried_again: usize,
}

const SHORT: Size = Size {
    revocations: 2_500,
    attempts: 20_000,
    revocations_at_least: 100,
    lasts_at_most: Duration::from_secs(50),
    tried_again: 2_000,
};
/// `scripts/test --long`.
const LONGER: Size = Size {
    revocations: 10_000,
    attempts: 100_000,
    lasts_at_most: Duration::from_mins(8),
    tried_again: 10_000,
    ..SHORT
};
/// `scripts/chaos --long`.
const LONG: Size = Size {
    revocations: 100_000,
    attempts: 1_000_000,
    revocations_at_least: 100_000,
    lasts_at_most: Duration::from_mins(55),
    tried_again: 50_000,
};
const FULL: Strength = Strength { workers: 16, faults: &storm::ALL, quiet: Duration::from_secs(1) };
/// For one bug: under less load the service is quicker, and so is what is wrong with it.
const LIGHT: Strength = Strength { workers: 6, faults: &[], quiet: Duration::from_millis(300) };
/// A bug that is not reported within this is missed.
const CAUGHT_WITHIN: Duration = Duration::from_secs(40);

fn size() -> Size {
    let is = |name: &str, wanted: &str| std::env::var_os(name).is_some_and(|value| value == wanted);
    if is("ATTACHLINK_CHAOS", "long") {
        LONG
    } else if is("ATTACHLINK_TEST_LONG", "1") {
        LONGER
    } else {
        SHORT
    }
}

/// Another one each time, unless it is given.
fn seed() -> u64 {
    let given = std::env::var("ATTACHLINK_CHAOS_SEED").ok();
    // Nobody wants to type more than that.
    let any = || RandomState::new().build_hasher().finish() >> 32;
    let seed = given.map_or_else(any, |seed| seed.parse().expect("ATTACHLINK_CHAOS_SEED is a number"));
    println!("seed {seed}");
    seed
}

#[test]
fn the_promise_holds_under_attack() {
    let (size, seed) = (size(), seed());
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::own(&[])));
    let mut run = Run::start(cluster, seed, None, FULL);
    let begun = Instant::now();
    let mut storms = 0;
    // Each fault at least once, however fast the machine is.
    while storms < storm::ALL.len()
        || (begun.elapsed() < size.lasts_at_most && !run.has_done(size.revocations, size.attempts))
    {
        run.storm();
        storms += 1;
    }
    run.end_load();
    run.restart_and_try_again(size.tried_again);
    let record = run.record();
    let verdict = report::table(seed, &record);
    if !verdict.violations.is_empty() {
        let logs = run.keep_logs();
        for violation in verdict.violations.iter().take(10) {
            let attempt = &record.attempts[violation.attempt];
            let revocation = violation.revocation.map(|revocation| &record.revocations[revocation]);
            eprintln!("{:?}: {attempt:?} under {revocation:?}", violation.kind);
        }
        panic!("{} violations with the seed {seed}; logs are in {}", verdict.violations.len(), logs.display());
    }
    let answered = record.revocations.iter().filter(|revocation| revocation.answered.is_some()).count();
    assert!(answered >= size.revocations_at_least, "only {answered} revocations");
    for fault in storm::ALL {
        assert!(report::times(&record, fault) > 0, "never done: {fault:?}");
    }
    let judged = [verdict.judged_late, verdict.judged_running, verdict.judged_healthy, verdict.cut_after.len()];
    assert!(judged.iter().all(|judged| *judged > 0), "nothing to judge: {judged:?}");
}

/// Whether the judge has something to say about the bug, and of which kinds.
fn attacked(cluster: &'static Cluster, seed: u64, bug: Bug) -> Vec<Kind> {
    let mut run = Run::start(cluster, seed, Some(bug), Strength { faults: bug.shown_by(), ..LIGHT });
    let begun = Instant::now();
    loop {
        // Judged between storms: what is still going on is not in the record.
        run.storm();
        let kinds: Vec<Kind> = judge(&run.record()).violations.iter().map(|violation| violation.kind).collect();
        if kinds.contains(&bug.breaks()) || begun.elapsed() > CAUGHT_WITHIN {
            return kinds;
        }
    }
}

#[test]
fn every_planted_bug_is_reported() {
    let seed = seed();
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::own(&[])));
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        let begun = Instant::now();
        let kinds = attacked(cluster, seed, bug);
        let caught = kinds.iter().filter(|kind| **kind == bug.breaks()).count();
        let verdict = if caught > 0 { "caught" } else { "MISSED" };
        report::row(
            &format!("planted: {}", bug.name()),
            format!("{verdict} after {} s: {caught} x {:?}", begun.elapsed().as_secs(), bug.breaks()),
        );
        if caught == 0 {
            missed.push((bug, kinds));
        }
    }
    report::row("planted bugs caught", format!("{} of {}", Bug::ALL.len() - missed.len(), Bug::ALL.len()));
    assert!(missed.is_empty(), "with the seed {seed}: {missed:?}");
}
