//! The table.

use std::fmt::Display;

use super::judge::{Verdict, judge};
use super::record::{Fault, Micros, Record, Revocation, Target};

/// With what `scripts/chaos` finds the table's rows.
const PREFIX: &str = "chaos |";

pub fn row(name: &str, value: impl Display) {
    println!("{PREFIX} {name:<58} {value}");
}

pub fn times(record: &Record, fault: Fault) -> usize {
    record.troubles.iter().filter(|trouble| trouble.fault == fault).count()
}

fn milliseconds(time: Micros) -> String {
    format!("{}.{} ms", time / 1000, time % 1000 / 100)
}

/// Prints what was done in a run, and what came of it.
pub fn table(seed: u64, record: &Record) -> Verdict {
    let verdict = judge(record);
    let count = |which: &dyn Fn(&Revocation) -> bool| record.revocations.iter().filter(|r| which(r)).count();
    let answered = |which: fn(Target) -> bool| count(&|r| r.answered.is_some() && which(r.target));
    let answered_in_all = answered(|_| true);
    row("seed", seed);
    row("revocations answered", answered_in_all);
    row("  of links", answered(|target| matches!(target, Target::Link(_))));
    row("  of attachments", answered(|target| matches!(target, Target::Attachment(_))));
    row("  of comments", answered(|target| matches!(target, Target::Comment(_))));
    row("  of projects", answered(|target| matches!(target, Target::Project(_))));
    row("  by a change of the mode", answered(|target| matches!(target, Target::Mode(_))));
    row("  after tries without an answer", count(&|r| r.answered.is_some() && r.tries > 1));
    row("attempts", record.attempts.len());
    row("  begun after an answered revocation", verdict.judged_late);
    row("  running under one", verdict.judged_running);
    row("  of live links while all was healthy", verdict.judged_healthy);
    row("replicas paused", times(record, Fault::Paused));
    row("replicas cut off", times(record, Fault::CutOff));
    row("replicas frozen", times(record, Fault::Frozen));
    row("  requests or answers held", times(record, Fault::RequestsHeld) + times(record, Fault::AnswersHeld));
    row("replicas delayed", times(record, Fault::Delayed));
    row("replicas killed", times(record, Fault::Killed));
    row("database restarts", times(record, Fault::DatabaseRestarted));
    row("downloads cut", verdict.cut);
    if let Some(slowest) = verdict.cut_after.last() {
        let median = verdict.cut_after[verdict.cut_after.len() / 2];
        row("  where nothing was done to a replica", verdict.cut_after.len());
        row("    after the answer, median", milliseconds(median));
        row("    after the answer, maximum", milliseconds(*slowest));
    }
    row("violations", verdict.violations.len());
    verdict
}
