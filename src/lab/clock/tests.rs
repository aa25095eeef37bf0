//! The lab's clock, walked, jumped and run.

use std::sync::Mutex;

use super::*;

fn still() -> LabClock {
    LabClock::new("2026-01-01T00:00:00Z".parse().unwrap(), Pace::Still)
}

const MINUTE: Duration = Duration::from_secs(60);

/// A task that sleeps and then writes down its name and the clock's time.
fn sleeper(clock: &LabClock, seen: &Arc<Mutex<Vec<String>>>, name: &'static str, spans: &'static [u64]) {
    let (clock, seen) = (clock.clone(), seen.clone());
    tokio::spawn(async move {
        for span in spans {
            clock.sleep(Duration::from_secs(*span)).await;
            let at = clock.now().strftime("%M:%S").to_string();
            seen.lock().unwrap().push(format!("{name} {at}"));
        }
    });
}

#[tokio::test]
async fn a_walk_shows_each_sleeper_the_time_it_waited_for() {
    let (clock, seen) = (still(), Arc::default());
    sleeper(&clock, &seen, "slow", &[90]);
    sleeper(&clock, &seen, "again", &[40, 40, 40]);
    clock.walk(2 * MINUTE).await;
    assert_eq!(*seen.lock().unwrap(), ["again 00:40", "again 01:20", "slow 01:30", "again 02:00"]);
    assert_eq!(clock.now().to_string(), "2026-01-01T00:02:00Z");
    assert_eq!(clock.sleepers(), 0);
}

#[tokio::test]
async fn a_jump_wakes_in_order_at_the_time_after_it() {
    let (clock, seen) = (still(), Arc::default());
    sleeper(&clock, &seen, "late", &[50]);
    sleeper(&clock, &seen, "early", &[10, 100]);
    clock.settle().await;
    clock.jump(MINUTE);
    clock.settle().await;
    assert_eq!(*seen.lock().unwrap(), ["early 01:00", "late 01:00"]);
    assert_eq!(clock.sleepers(), 1, "the second sleep begins after the jump");
}

#[tokio::test]
async fn a_still_clock_wakes_nobody() {
    let clock = still();
    let (began, slept) = (clock.instant(), clock.sleep(Duration::from_millis(1)));
    let ended = tokio::time::timeout(Duration::from_millis(30), slept).await;
    assert!(ended.is_err());
    assert_eq!(clock.instant(), began);
    assert_eq!(clock.sleepers(), 0, "a sleep that was given up is forgotten");
}

#[tokio::test]
async fn a_rate_shortens_every_wait() {
    let clock = LabClock::new(Timestamp::UNIX_EPOCH, Pace::Rate(1000.0));
    let (began, really) = (clock.instant(), Instant::now());
    clock.sleep(10 * MINUTE).await;
    let passed = clock.instant() - began;
    assert!(passed >= 10 * MINUTE, "{passed:?}");
    assert!(really.elapsed() < Duration::from_secs(30), "ten minutes took {:?}", really.elapsed());
}

#[tokio::test]
async fn another_pace_counts_for_those_who_sleep_already() {
    let clock = still();
    let sleeping = tokio::spawn(clock.sleep(10 * MINUTE));
    tokio::task::yield_now().await;
    clock.set_pace(Pace::Rate(1e9));
    assert_eq!(clock.pace(), Pace::Rate(RATES.1), "the rate is bounded");
    tokio::time::timeout(Duration::from_secs(30), sleeping).await.unwrap().unwrap();
    clock.set_pace(Pace::Still);
    assert_eq!(clock.now(), clock.now());
}

#[test]
fn a_clock_that_is_dropped_ends_its_thread() {
    let clock = still();
    let weak = Arc::downgrade(&clock.shared);
    drop(clock);
    let until = Instant::now() + Duration::from_secs(5);
    while weak.upgrade().is_some() {
        assert!(Instant::now() < until, "the alarm thread keeps the clock");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Says what the test says.
struct Told(Arc<std::sync::atomic::AtomicBool>);

impl Look for Told {
    fn quiet(&mut self, patience: Duration) -> bool {
        std::thread::sleep(patience);
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// A clock that skips, and whether the world around it is quiet.
fn skipping() -> (LabClock, Arc<std::sync::atomic::AtomicBool>) {
    let quiet = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let begin = "2026-01-01T00:00:00Z".parse().unwrap();
    (LabClock::looking(begin, Pace::Skipping, Told(quiet.clone())), quiet)
}

/// Whether something ends soon.
async fn soon(work: impl Future) -> bool {
    tokio::time::timeout(Duration::from_millis(300), work).await.is_ok()
}

#[tokio::test]
async fn a_wait_that_time_alone_ends_takes_none() {
    let (clock, _) = skipping();
    let lab = clock.sleep(5 * MINUTE);
    let really = Instant::now();
    clock.hurried().sleep(10 * MINUTE).await;
    assert!(really.elapsed() < Duration::from_secs(10), "{:?}", really.elapsed());
    assert!(soon(lab).await, "it was due on the way");
}

#[tokio::test]
async fn the_labs_own_waits_are_no_reason_to_skip() {
    let (clock, _) = skipping();
    assert!(!soon(clock.sleep(MINUTE)).await);
    assert!(!soon(clock.deadline(MINUTE)).await);
    assert!(clock.now() < "2026-01-01T00:00:10Z".parse().unwrap());
}

#[tokio::test]
async fn while_something_goes_on_time_goes_as_usual() {
    let (clock, quiet) = skipping();
    quiet.store(false, std::sync::atomic::Ordering::SeqCst);
    let mut waiting = clock.hurried().sleep(MINUTE);
    assert!(!soon(&mut waiting).await);
    quiet.store(true, std::sync::atomic::Ordering::SeqCst);
    waiting.await;
}

#[tokio::test]
async fn a_deadline_strikes_at_once_only_where_somebody_of_the_lab_has_been_asked() {
    let (clock, _) = skipping();
    let pb: Arc<dyn Clock> = Arc::new(clock.hurried());
    // A server out in the world: its answer may be on its way.
    let asking = crate::clock::by(pb.clone(), crate::clock::timeout(MINUTE, std::future::pending::<()>()));
    assert!(!soon(asking).await);
    let asked = clock.asked();
    let asking = crate::clock::by(pb.clone(), crate::clock::timeout(MINUTE, std::future::pending::<()>()));
    assert_eq!(asking.await, Err(crate::clock::Elapsed));
    // One has been asked, and two wait: one of them for somebody else.
    let two = [1, 2].map(|_| crate::clock::by(pb.clone(), crate::clock::timeout(MINUTE, std::future::pending::<()>())));
    assert!(!soon(futures::future::join_all(two)).await);
    drop(asked);
}

#[tokio::test]
async fn a_call_that_pauses_waits_for_the_clock_itself() {
    let (clock, _) = skipping();
    let pb: Arc<dyn Clock> = Arc::new(clock.hurried());
    let pauses = async { crate::clock::sleep(5 * MINUTE).await };
    let call = crate::clock::by(pb.clone(), crate::clock::timeout(10 * MINUTE, pauses));
    assert_eq!(call.await, Ok(()));
    assert_eq!(clock.sleepers(), 0);
}

#[test]
fn a_pace_is_written_as_it_is_read() {
    for (text, pace) in [("60x", Pace::Rate(60.0)), ("0.5", Pace::Rate(0.5)), ("skip", Pace::Skipping)] {
        assert_eq!(text.parse::<Pace>(), Ok(pace));
        assert_eq!(pace.to_string().trim_end_matches('x'), text.trim_end_matches('x'));
    }
    for wrong in ["", "fast", "-1x", "0", "nanx", "1e9x", "still"] {
        assert!(wrong.parse::<Pace>().unwrap_err().contains("such as 60x, or skip"), "{wrong}");
    }
}
