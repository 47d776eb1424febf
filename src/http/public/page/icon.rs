//! Drawings for pages, of 24 by 24, as paths (SVG 2 section 9.3). They only illustrate what the heading says.

use super::topic::Topic;

const CLOCK: &str = "M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M12 7v5l3.5 2";
const NO_FILE: &str =
    "M13.5 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8.5zM13.5 3v5.5H19M9.5 12.5l5 5M14.5 12.5l-5 5";
const HOURGLASS: &str = "M6.5 3h11M6.5 21h11M8 3v3.5c0 2.2 4 3.6 4 5.5 0-1.9 4-3.3 4-5.5V3M8 21v-3.5c0-2.2 4-3.6 4-5.5 0 1.9 4 3.3 4 5.5V21";
const LOCK: &str =
    "M5 13a2 2 0 0 1 2-2h10a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2zM8 11V7.5a4 4 0 0 1 8 0V11M12 15v2";
const LENS: &str = "M4 10.5a6.5 6.5 0 1 0 13 0a6.5 6.5 0 1 0-13 0M15.3 15.3L20.5 20.5";
/// The way out: symmetrical, so that it fits both directions of writing.
const WAY_OUT: &str = "M12 3v9M6.6 6.9a7.5 7.5 0 1 0 10.8 0";

/// The drawing for a page.
pub(super) const fn of(topic: Topic) -> &'static str {
    match topic {
        Topic::LinkExpired | Topic::PortalLinkExpired => CLOCK,
        Topic::LinkWithdrawn | Topic::FileChanged | Topic::FileRemoved => NO_FILE,
        Topic::Unavailable | Topic::TooManyRequests | Topic::LoginProviderUnavailable => HOURGLASS,
        Topic::NotShared | Topic::LoginFailed | Topic::LoginRefused | Topic::LoginProviderFailed => LOCK,
        Topic::NotPossible | Topic::NotFound => LENS,
        Topic::LogOut | Topic::LoggedOut => WAY_OUT,
    }
}
