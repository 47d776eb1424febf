//! The judge: what a record says about the promise. It accuses only where no order of events could excuse the service.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use super::record::{Attempt, End, Fault, Link, Micros, Record, SECOND, Target, Trouble};

/// A download whose link is dead is over within this, on a replica to which nothing happens. The promise is about octets
/// and not about ends; this finds what stands still for ever.
const CUT_WITHIN: Micros = 3 * SECOND;
/// Nothing must have happened to the replica for so long before.
const SETTLED_FOR: Micros = SECOND;
const OK: u16 = 200;

/// A broken promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A download that began after an answered revocation got octets of the file.
    ServedAfterRevocation,
    /// As that, and the revocation was repeated, or something was restarted since: it was lost.
    RevocationLost,
    /// Octets were handed to the network later than a second after the answer.
    HandedLate,
    /// A running download stood still for seconds and was not cut.
    NotCut,
    /// A link that was surely alive was refused while all was healthy.
    RefusedWhileHealthy,
    /// A short file that looks whole, or a cut that is no reset.
    CleanShortEnd,
}

/// Which download shows it, and which revocation it breaks; both by their places in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    pub kind: Kind,
    pub attempt: usize,
    pub revocation: Option<usize>,
}

/// What the record says, and on how much of it that rests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    pub violations: Vec<Violation>,
    /// Downloads that began after an answered revocation of their link.
    pub judged_late: usize,
    /// Downloads that ran when their link was revoked, and were looked at a second after the answer or later.
    pub judged_running: usize,
    /// Downloads of live links while all was healthy.
    pub judged_healthy: usize,
    /// From the answer to the end of each download that was cut by it, where nothing was done to its replica.
    pub cut_after: Vec<Micros>,
    /// Downloads that were cut by a revocation, also where something was done to the replica.
    pub cut: usize,
}

/// What became of a link.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fate {
    /// The first answered revocation that surely covers it, and when it was answered.
    pub killed: Option<(usize, Micros)>,
    /// When the first revocation was called that may cover it, answered or not.
    doubtful_from: Option<Micros>,
}

/// Judges a record.
pub fn judge(record: &Record) -> Verdict {
    let fates = fates(record);
    let mut verdict = Verdict::default();
    for (number, attempt) in record.attempts.iter().enumerate() {
        let fate = fates[attempt.link as usize];
        let case = Case { record, attempt, link: &record.links[attempt.link as usize], fate };
        let revocation = fate.killed.map(|(revocation, _)| revocation);
        let kinds = [case.late(&mut verdict), case.running(&mut verdict), case.healthy(&mut verdict), case.end()];
        for kind in kinds.into_iter().flatten() {
            verdict.violations.push(Violation { kind, attempt: number, revocation });
        }
    }
    verdict.cut_after.sort_unstable();
    verdict
}

pub fn fates(record: &Record) -> Vec<Fate> {
    let mut by_target: HashMap<Target, Vec<usize>> = HashMap::new();
    for (number, revocation) in record.revocations.iter().enumerate() {
        by_target.entry(revocation.target).or_default().push(number);
    }
    let fate = |(number, link): (usize, &Link)| {
        let number = u32::try_from(number).expect("fewer links");
        let (project, mode) = (Target::Project(link.project), Target::Mode(link.project));
        let own = [Target::Link(number), Target::Attachment(link.attachment), Target::Comment(link.comment)];
        let covering = own.into_iter().chain([project, mode]).filter_map(|target| by_target.get(&target)).flatten();
        // What was called before the link was issued may have come before it.
        let covering = covering.map(|at| (*at, &record.revocations[*at]));
        let surely = covering.clone().filter(|(_, revocation)| revocation.called > link.issued);
        Fate {
            killed: surely.filter_map(|(at, r)| Some((at, r.answered?))).min_by_key(|(_, answered)| *answered),
            doubtful_from: covering.map(|(_, revocation)| revocation.first_called).min(),
        }
    };
    record.links.iter().enumerate().map(fate).collect()
}

struct Case<'a> {
    record: &'a Record,
    attempt: &'a Attempt,
    link: &'a Link,
    fate: Fate,
}

impl Case<'_> {
    /// A download that began after the revocation was answered.
    fn late(&self, verdict: &mut Verdict) -> Option<Kind> {
        let (revocation, answered) = self.fate.killed.filter(|(_, answered)| self.attempt.called > *answered)?;
        verdict.judged_late += usize::from(self.attempt.status.is_some());
        if self.attempt.of_file == 0 {
            return None;
        }
        let repeated = self.record.revocations[revocation].tries > 1;
        let restarted = self.record.troubles.iter().any(|trouble| {
            matches!(trouble.fault, Fault::DatabaseRestarted | Fault::Killed)
                && (answered..self.attempt.called).contains(&trouble.from)
        });
        Some(if repeated || restarted { Kind::RevocationLost } else { Kind::ServedAfterRevocation })
    }

    /// A download that ran when the revocation was answered.
    fn running(&self, verdict: &mut Verdict) -> Option<Kind> {
        let Attempt { called, ended, of_file, end, received, .. } = *self.attempt;
        let (_, answered) = self.fate.killed?;
        if called > answered || ended <= answered || of_file == 0 {
            return None;
        }
        let undisturbed = |until| !self.troubled(answered.saturating_sub(SETTLED_FOR), until);
        if end == End::Reset {
            verdict.cut += 1;
            if undisturbed(ended) {
                verdict.cut_after.push(ended - answered);
            }
        }
        let deadline = self.deadline(answered);
        let mut samples = self.attempt.samples.iter().filter(|sample| sample.at >= deadline).peekable();
        // One that was over before the deadline was handed nothing after it.
        verdict.judged_running += usize::from(samples.peek().is_some() || ended < deadline);
        if samples.any(|sample| received > sample.handed_at_most) {
            return Some(Kind::HandedLate);
        }
        let overdue = answered + CUT_WITHIN;
        (ended > overdue && undisturbed(overdue)).then_some(Kind::NotCut)
    }

    /// A second after the answer; when the replica was stopped meanwhile, a second after it went on.
    fn deadline(&self, answered: Micros) -> Micros {
        let stops = self.record.troubles.iter().filter(|trouble| trouble.fault == Fault::Paused);
        let mut stops: Vec<_> = stops.filter(|stop| stop.replica == Some(self.attempt.replica)).collect();
        stops.sort_unstable_by_key(|stop| stop.from);
        stops.iter().filter(|stop| stop.to > answered).fold(answered + SECOND, |deadline, stop| {
            if stop.from <= deadline { deadline.max(stop.to + SECOND) } else { deadline }
        })
    }

    fn troubled(&self, from: Micros, to: Micros) -> bool {
        let ours = |trouble: &&Trouble| trouble.replica.is_none_or(|r| r == self.attempt.replica);
        self.record.troubles.iter().filter(ours).any(|trouble| trouble.from <= to && trouble.to >= from)
    }

    fn healthy(&self, verdict: &mut Verdict) -> Option<Kind> {
        let Attempt { called, ended, status, end, of_file, .. } = *self.attempt;
        let alive = self.link.issued <= called && self.fate.doubtful_from.is_none_or(|from| from > ended);
        // They are in the order of time.
        let before = self.record.quiet.partition_point(|quiet| quiet.from <= called);
        let quiet = before > 0 && ended <= self.record.quiet[before - 1].to;
        if !alive || !quiet {
            return None;
        }
        verdict.judged_healthy += 1;
        let served = status == Some(OK) && (end == End::Whole || (end == End::GivenUp && of_file > 0));
        (!served).then_some(Kind::RefusedWhileHealthy)
    }

    /// A file that is short must not look whole, and a cut is a reset, unless the process was killed.
    fn end(&self) -> Option<Kind> {
        let Attempt { called, ended, status, end, of_file, replica, .. } = *self.attempt;
        let killed = |trouble: &Trouble| {
            let ours = trouble.fault == Fault::Killed && trouble.replica == Some(replica);
            ours && trouble.from <= ended && trouble.to >= called
        };
        let clean = match end {
            End::Whole => status == Some(OK) && of_file < self.link.octets,
            End::Closed => of_file > 0 && !self.record.troubles.iter().any(killed),
            End::Reset | End::GivenUp => false,
        };
        clean.then_some(Kind::CleanShortEnd)
    }
}
