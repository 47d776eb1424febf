//! Records made by hand: each kind of violation, and what comes as near to it as is still right.

use super::super::record::{Quiet, Revocation, Sample};
use super::*;

const FILE: u64 = 1_000;
const HEAD: u64 = 200;
/// When the revocation of [`revoked`] was answered.
const ANSWERED: Micros = 10 * SECOND;
const MS: Micros = 1_000;

/// One link, and a revocation of `target` that was called at 9 s and answered at 10 s.
fn revoked(target: Target) -> Record {
    let link = Link { path: "a/x".into(), project: 1, comment: 2, attachment: 3, issued: SECOND, octets: FILE };
    let called = 9 * SECOND;
    let revocation = Revocation { target, first_called: called, called, answered: Some(ANSWERED), tries: 1 };
    Record { links: vec![link], revocations: vec![revocation], ..Record::default() }
}

fn refused(called: Micros, ended: Micros) -> Attempt {
    Attempt {
        link: 0,
        replica: 0,
        called,
        ended,
        status: Some(410),
        received: HEAD,
        of_file: 0,
        end: End::Whole,
        samples: Vec::new(),
    }
}

fn served(called: Micros, ended: Micros) -> Attempt {
    Attempt { status: Some(200), received: HEAD + FILE, of_file: FILE, ..refused(called, ended) }
}

/// Reset with half of the file received.
fn cut(called: Micros, ended: Micros) -> Attempt {
    Attempt { received: HEAD + FILE / 2, of_file: FILE / 2, end: End::Reset, ..served(called, ended) }
}

fn trouble(fault: Fault, replica: Option<usize>, from: Micros, to: Micros) -> Trouble {
    Trouble { fault, replica, from, to }
}

/// The kinds that are reported when `attempt` is added to `record`.
fn kinds(mut record: Record, attempt: Attempt) -> Vec<Kind> {
    record.attempts.push(attempt);
    judge(&record).violations.into_iter().map(|violation| violation.kind).collect()
}

#[test]
fn a_download_begun_after_the_answer_gets_no_octet_whatever_was_revoked() {
    let all = [Target::Link(0), Target::Attachment(3), Target::Comment(2), Target::Project(1), Target::Mode(1)];
    for target in all {
        let late = ANSWERED + 1;
        assert_eq!(kinds(revoked(target), served(late, late + MS)), [Kind::ServedAfterRevocation], "{target:?}");
        assert_eq!(kinds(revoked(target), cut(late, late + MS)), [Kind::ServedAfterRevocation], "{target:?}");
        assert_eq!(kinds(revoked(target), refused(late, late + MS)), []);
        assert_eq!(kinds(revoked(target), served(ANSWERED, late)), [], "it may have begun before");
    }
    for other in [Target::Link(1), Target::Attachment(2), Target::Comment(1), Target::Project(3), Target::Mode(0)] {
        assert_eq!(kinds(revoked(other), served(ANSWERED + 1, ANSWERED + MS)), [], "{other:?} is not its own");
    }
}

#[test]
fn what_was_issued_during_or_after_a_revocation_may_live() {
    for issued in [9 * SECOND, ANSWERED, ANSWERED + 1] {
        let mut record = revoked(Target::Mode(1));
        record.links[0].issued = issued;
        assert_eq!(kinds(record, served(ANSWERED + 2, ANSWERED + MS)), []);
    }
}

#[test]
fn an_unanswered_revocation_proves_nothing() {
    let mut record = revoked(Target::Link(0));
    record.revocations[0].answered = None;
    record.quiet.push(Quiet { from: 0, to: 60 * SECOND });
    let after = 11 * SECOND;
    assert_eq!(kinds(record.clone(), served(after, after + MS)), []);
    assert_eq!(kinds(record, refused(after, after + MS)), [], "nor that the link lives");
}

#[test]
fn served_after_a_repeated_revocation_or_a_restart_means_that_it_was_lost() {
    let (called, ended) = (12 * SECOND, 12 * SECOND + MS);
    let mut repeated = revoked(Target::Comment(2));
    repeated.revocations[0].tries = 2;
    assert_eq!(kinds(repeated, served(called, ended)), [Kind::RevocationLost]);
    for (fault, replica) in [(Fault::DatabaseRestarted, None), (Fault::Killed, Some(1))] {
        let mut record = revoked(Target::Comment(2));
        record.troubles.push(trouble(fault, replica, 11 * SECOND, 13 * SECOND));
        assert_eq!(kinds(record.clone(), served(called, ended)), [Kind::RevocationLost]);
        record.troubles[0].from = 9 * SECOND;
        assert_eq!(kinds(record, served(called, ended)), [Kind::ServedAfterRevocation]);
    }
}

/// A download that was sampled at these times, each time with all octets received so far.
fn sampled(ended: Micros, samples: &[(Micros, u64)]) -> Attempt {
    let samples = samples.iter().map(|(at, handed_at_most)| Sample { at: *at, handed_at_most: *handed_at_most });
    Attempt { samples: samples.collect(), ..cut(5 * SECOND, ended) }
}

#[test]
fn octets_handed_later_than_a_second_after_the_answer_are_found() {
    let all = HEAD + FILE / 2;
    let deadline = ANSWERED + SECOND;
    let end = deadline + SECOND;
    let record = || revoked(Target::Link(0));
    assert_eq!(kinds(record(), sampled(end, &[(deadline, all - 1)])), [Kind::HandedLate]);
    assert_eq!(kinds(record(), sampled(end, &[(deadline, all)])), [], "what the kernel held is no fault");
    assert_eq!(kinds(record(), sampled(end, &[(deadline - 1, all - 1)])), [], "handed in the last moment");
    assert_eq!(kinds(record(), sampled(end, &[(deadline + MS, all - 1)])), [Kind::HandedLate]);
    let later = [(deadline + MS, all), (deadline + 2 * MS, all - 1)];
    assert_eq!(kinds(record(), sampled(end, &later)), [Kind::HandedLate], "each sample is a bound");
}

#[test]
fn a_stopped_replica_has_a_second_after_it_went_on() {
    let all = HEAD + FILE / 2;
    let sample = [(12 * SECOND, all - 1)];
    let with = |replica, from, to| {
        let mut record = revoked(Target::Link(0));
        record.troubles.push(trouble(Fault::Paused, Some(replica), from, to));
        kinds(record, sampled(12 * SECOND + MS, &sample))
    };
    assert_eq!(with(0, 9 * SECOND, 11 * SECOND + 1), []);
    assert_eq!(with(0, ANSWERED + SECOND, 11 * SECOND + 1), [], "stopped in the last moment");
    assert_eq!(with(1, 9 * SECOND, 11 * SECOND + 1), [Kind::HandedLate], "it was another replica");
    assert_eq!(with(0, 8 * SECOND, ANSWERED), [Kind::HandedLate], "it went on before the answer");
    assert_eq!(with(0, ANSWERED + SECOND + 1, 13 * SECOND), [Kind::HandedLate], "it was stopped too late");
}

#[test]
fn a_download_that_stands_still_is_found_unless_something_was_done_to_its_replica() {
    let open = |ended| Attempt { end: End::GivenUp, ..sampled(ended, &[(ANSWERED + SECOND, HEAD + FILE)]) };
    let record = || revoked(Target::Project(1));
    assert_eq!(kinds(record(), open(ANSWERED + CUT_WITHIN + 1)), [Kind::NotCut]);
    assert_eq!(kinds(record(), open(ANSWERED + CUT_WITHIN)), []);
    for (replica, expected) in [(Some(0), &[][..]), (None, &[]), (Some(1), &[Kind::NotCut])] {
        let mut record = record();
        record.troubles.push(trouble(Fault::Frozen, replica, 11 * SECOND, 12 * SECOND));
        assert_eq!(kinds(record, open(20 * SECOND)), expected, "{replica:?}");
    }
}

#[test]
fn a_live_link_is_not_refused_while_all_is_healthy() {
    let quiet = || Record { quiet: vec![Quiet { from: 2 * SECOND, to: 8 * SECOND }], ..revoked(Target::Link(0)) };
    let (called, ended) = (3 * SECOND, 4 * SECOND);
    assert_eq!(kinds(quiet(), refused(called, ended)), [Kind::RefusedWhileHealthy]);
    let unavailable = Attempt { status: Some(503), ..refused(called, ended) };
    assert_eq!(kinds(quiet(), unavailable), [Kind::RefusedWhileHealthy]);
    let silent = Attempt { status: None, received: 0, end: End::GivenUp, ..refused(called, ended) };
    assert_eq!(kinds(quiet(), silent), [Kind::RefusedWhileHealthy]);
    assert_eq!(kinds(quiet(), cut(called, ended)), [Kind::RefusedWhileHealthy], "cut for nothing");
    assert_eq!(kinds(quiet(), served(called, ended)), []);
    let enough = Attempt { of_file: 1, end: End::GivenUp, ..served(called, ended) };
    assert_eq!(kinds(quiet(), enough), [], "the client had enough");
    for (called, ended) in [(2 * SECOND - 1, 4 * SECOND), (7 * SECOND, 8 * SECOND + 1)] {
        assert_eq!(kinds(quiet(), refused(called, ended)), [], "not all of it was in the quiet time");
    }
    let mut doubtful = quiet();
    doubtful.revocations[0].first_called = ended;
    assert_eq!(kinds(doubtful, refused(called, ended)), [], "a revocation was under way");
    let mut unborn = quiet();
    unborn.links[0].issued = called + 1;
    assert_eq!(kinds(unborn, refused(called, ended)), []);
}

#[test]
fn a_short_file_never_looks_whole_and_a_cut_is_a_reset() {
    let record = || revoked(Target::Link(0));
    let (called, ended) = (5 * SECOND, ANSWERED + MS);
    let half = |end| Attempt { end, ..cut(called, ended) };
    assert_eq!(kinds(record(), half(End::Whole)), [Kind::CleanShortEnd]);
    assert_eq!(kinds(record(), half(End::Closed)), [Kind::CleanShortEnd]);
    assert_eq!(kinds(record(), half(End::Reset)), []);
    assert_eq!(kinds(record(), half(End::GivenUp)), []);
    assert_eq!(kinds(record(), served(called, ended)), [], "it is whole");
    for (replica, expected) in [(0, &[][..]), (1, &[Kind::CleanShortEnd])] {
        let mut record = record();
        record.troubles.push(trouble(Fault::Killed, Some(replica), 6 * SECOND, 7 * SECOND));
        assert_eq!(kinds(record, half(End::Closed)), expected, "the kernel closes what a killed process had open");
    }
}

#[test]
fn what_a_verdict_rests_on_is_counted() {
    let mut record = revoked(Target::Link(0));
    record.quiet.push(Quiet { from: 2 * SECOND, to: 8 * SECOND });
    record.attempts = vec![
        served(3 * SECOND, 4 * SECOND),
        cut(5 * SECOND, ANSWERED + 40 * MS),
        cut(5 * SECOND, ANSWERED + 30 * MS),
        refused(11 * SECOND, 12 * SECOND),
    ];
    let verdict = judge(&record);
    assert_eq!(verdict.violations, []);
    assert_eq!((verdict.judged_healthy, verdict.judged_running, verdict.judged_late), (1, 2, 1));
    assert_eq!((verdict.cut, verdict.cut_after.as_slice()), (2, &[30 * MS, 40 * MS][..]));
    record.troubles.push(trouble(Fault::Delayed, Some(0), ANSWERED, 11 * SECOND));
    assert!(judge(&record).cut_after.is_empty());
}
