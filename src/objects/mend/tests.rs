//! Mending on transfers that a script makes, under a clock that a test moves.

use std::collections::VecDeque;

use futures_util::StreamExt as _;
use http_body::Frame;
use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;

/// What one transfer does.
#[derive(Debug, Clone)]
enum Piece {
    /// Gives so many octets, then ends as if it were whole.
    Ends(u64),
    /// Gives so many octets, then fails.
    Fails(u64),
    /// Gives so many octets, then is silent.
    Silent(u64),
    /// Gives this many octets more than were asked for.
    TooLong(u64),
    /// Cannot be opened now.
    Away,
    /// Cannot be opened any more.
    Changed,
}

/// A body of a scripted piece.
struct Scripted {
    frames: VecDeque<Bytes>,
    then: Piece,
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let Some(octets) = self.frames.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(octets))));
        }
        match self.then {
            Piece::Fails(_) => Poll::Ready(Some(Err(std::io::Error::other("cut")))),
            Piece::Silent(_) => Poll::Pending,
            _ => Poll::Ready(None),
        }
    }
}

const PATIENCE: Patience = Patience { silence: Duration::from_secs(10), away: Duration::from_secs(30) };

fn object(range: Range<u64>) -> Vec<u8> {
    range.map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// What a script was asked for, piece by piece.
type Asked = Arc<Mutex<Vec<Range<u64>>>>;

/// A body whose transfers follow a script, and are whole after its end.
fn following(script: Vec<Piece>, range: Range<u64>) -> (Mended<Scripted>, Asked) {
    let (script, asked) = (Mutex::new(VecDeque::from(script)), Asked::default());
    let seen = Arc::clone(&asked);
    let open = move |rest: Range<u64>| -> BoxFuture<'static, Opened<Scripted>> {
        seen.lock().push(rest.clone());
        let piece = script.lock().pop_front().unwrap_or(Piece::Ends(u64::MAX));
        let wanted = rest.end - rest.start;
        let opened = match piece {
            Piece::Away => Err(Broken::ForNow(ObjectError::misuse("away"))),
            Piece::Changed => Err(Broken::ForGood(ObjectError::Changed)),
            Piece::Ends(octets) | Piece::Fails(octets) | Piece::Silent(octets) => Ok(wanted.min(octets)),
            Piece::TooLong(more) => Ok(wanted + more),
        };
        let opened = opened.map(|octets| {
            let given = object(rest.start..rest.start + octets);
            Scripted { frames: given.chunks(7).map(Bytes::copy_from_slice).collect(), then: piece }
        });
        Box::pin(async move { opened })
    };
    (Mended::new(range, PATIENCE, open), asked)
}

async fn read(mut body: Mended<Scripted>) -> (Vec<u8>, Option<&'static str>) {
    if let Err(error) = body.open().await {
        return (Vec::new(), Some(error.name()));
    }
    rest_of(&mut body).await
}

async fn rest_of(body: &mut Mended<Scripted>) -> (Vec<u8>, Option<&'static str>) {
    let mut octets = Vec::new();
    while let Some(item) = body.next().await {
        match item {
            Ok(more) => octets.extend_from_slice(&more),
            Err(error) => {
                assert!(body.next().await.is_none(), "nothing follows an error");
                return (octets, Some(error.name()));
            }
        }
    }
    (octets, None)
}

#[tokio::test(start_paused = true)]
async fn what_was_cut_goes_on_from_the_next_octet() {
    for cut in [Piece::Ends(10), Piece::Fails(10), Piece::Silent(10)] {
        let (body, asked) = following(vec![cut.clone(), Piece::Fails(0), Piece::Ends(5)], 100..150);
        assert_eq!(read(body).await, (object(100..150), None), "{cut:?}");
        assert_eq!(*asked.lock(), [100..150, 110..150, 110..150, 115..150], "{cut:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_certain_ends_it_at_once() {
    let (body, asked) = following(vec![Piece::Fails(10), Piece::Changed], 0..50);
    assert_eq!(read(body).await, (object(0..10), Some("changed")));
    assert_eq!(asked.lock().len(), 2);
    let (body, _) = following(vec![Piece::Changed], 0..50);
    assert_eq!(read(body).await, (Vec::new(), Some("changed")));
    let (body, _) = following(vec![Piece::TooLong(1)], 0..50);
    let (octets, error) = read(body).await;
    assert_eq!(error, Some("unavailable"));
    assert!(octets.len() < 50 && octets == object(0..octets.len() as u64), "the last octets are never given");
}

#[tokio::test(start_paused = true)]
async fn patience_ends_after_its_time_without_an_octet() {
    for script in [vec![Piece::Away; 100], vec![Piece::Fails(0); 100], vec![Piece::Silent(0); 100]] {
        let what = format!("{:?}", script[0]);
        let (body, asked) = following([vec![Piece::Fails(10)], script].concat(), 0..50);
        let started = Instant::now();
        assert_eq!(read(body).await, (object(0..10), Some("unavailable")), "{what}");
        let took = started.elapsed();
        assert!(took <= PATIENCE.away + Duration::from_millis(1), "{what}: {took:?}");
        assert!(asked.lock().len() <= usize::try_from(TRIES_IN_A_ROW).unwrap() + 1, "{what}");
    }
    // Each octet gives it new patience.
    let slow: Vec<Piece> = (0..50).map(|_| Piece::Silent(1)).collect();
    let (body, _) = following(slow, 0..50);
    assert_eq!(read(body).await, (object(0..50), None));
}

#[tokio::test(start_paused = true)]
async fn at_first_it_is_tried_thrice_only() {
    let (body, asked) = following(vec![Piece::Away, Piece::Away], 0..50);
    assert_eq!(read(body).await, (object(0..50), None));
    assert_eq!(asked.lock().len(), 3);
    let (body, asked) = following(vec![Piece::Away; 9], 0..50);
    assert_eq!(read(body).await, (Vec::new(), Some("unavailable")));
    assert_eq!(asked.lock().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_recipient_that_comes_back_late_finds_all_its_patience() {
    let (mut body, asked) = following(vec![Piece::Silent(10), Piece::Away], 0..50);
    body.open().await.unwrap();
    for _ in 0..2 {
        body.next().await.unwrap().unwrap();
    }
    assert!(futures_util::poll!(body.next()).is_pending(), "it waits for the store");
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(rest_of(&mut body).await, (object(10..50), None));
    assert_eq!(asked.lock().len(), 3);
}

fn owned(body: &mut Mended<Scripted>, answers: Vec<MayMend>) -> Arc<Mutex<Vec<&'static str>>> {
    let answers = Mutex::new(VecDeque::from(answers));
    let told: Arc<Mutex<Vec<&'static str>>> = Arc::default();
    let telling = Arc::clone(&told);
    body.owned_by(Owner::new(
        move || {
            let answer = answers.lock().pop_front().unwrap_or(MayMend::Yes);
            Box::pin(async move { answer })
        },
        move |ended, _| telling.lock().push(ended.err().map_or("ok", ObjectError::name)),
    ));
    told
}

#[tokio::test(start_paused = true)]
async fn the_owner_is_asked_before_each_piece_but_the_first() {
    let (mut body, asked) = following(vec![Piece::Fails(10)], 0..50);
    let told = owned(&mut body, vec![MayMend::Unknown, MayMend::Unknown]);
    assert_eq!(read(body).await, (object(0..50), None));
    assert_eq!((asked.lock().len(), told.lock().as_slice()), (2, &["ok"][..]), "nothing is read on a 'who knows'");

    let (mut body, asked) = following(vec![Piece::Fails(10)], 0..50);
    let told = owned(&mut body, vec![MayMend::No]);
    assert_eq!(read(body).await, (object(0..10), Some("unavailable")));
    assert_eq!((asked.lock().len(), told.lock().as_slice()), (1, &["unavailable"][..]));
}

fn any_piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        4 => (0..80_u64).prop_map(Piece::Ends),
        4 => (0..80_u64).prop_map(Piece::Fails),
        2 => (0..80_u64).prop_map(Piece::Silent),
        1 => (1..9_u64).prop_map(Piece::TooLong),
        3 => Just(Piece::Away),
        1 => Just(Piece::Changed),
    ]
}

proptest! {
    /// Whatever the store does: the right octets from the start on, and all of them unless an error says otherwise.
    #[test]
    fn never_a_wrong_octet_and_never_a_clean_short_end(
        script in prop::collection::vec(any_piece(), 0..30),
        start in 0..1000_u64,
        length in 0..200_u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (octets, error) = runtime.block_on(async {
            let (body, _) = following(script, start..start + length);
            read(body).await
        });
        prop_assert_eq!(&octets, &object(start..start + octets.len() as u64));
        if error.is_none() {
            prop_assert_eq!(octets.len() as u64, length);
        }
    }
}
