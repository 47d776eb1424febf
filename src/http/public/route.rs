//! The public listener's routes, by their templates: the only form of a path that is ever logged.

use super::{ALLOWED, ALLOWED_WITH_POST, ALLOWED_WITHOUT_HEAD};

/// A route, with the parts of the path as they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// A link.
    Download {
        token: &'a str,
        named: bool,
    },
    /// Site, project, comment and attachment, for a customer who logs in.
    PortalDownload([&'a str; 4]),
    /// The way back from a site's login provider.
    LoggedIn {
        site: &'a str,
    },
    /// The end of a session.
    LogOut {
        site: &'a str,
    },
    Robots,
    /// The server as a whole (RFC 9110 section 7.1): only `OPTIONS` may ask about it.
    Server,
    Unknown,
}

impl<'a> Route<'a> {
    pub(super) fn of(path: &'a str) -> Self {
        if path == "/robots.txt" {
            return Self::Robots;
        }
        if path == "*" {
            return Self::Server;
        }
        if let Some(rest) = path.strip_prefix("/p/") {
            return Self::of_portal(rest);
        }
        let Some(rest) = path.strip_prefix("/a/") else { return Self::Unknown };
        match rest.split_once('/') {
            None => Self::Download { token: rest, named: false },
            Some((token, name)) if !name.contains('/') => Self::Download { token, named: true },
            Some(_) => Self::Unknown,
        }
    }

    fn of_portal(rest: &'a str) -> Self {
        let mut parts = rest.split('/');
        match [parts.next(), parts.next(), parts.next(), parts.next(), parts.next()] {
            [Some(site), Some("logged-in"), None, ..] => Self::LoggedIn { site },
            [Some(site), Some("log-out"), None, ..] => Self::LogOut { site },
            [Some(site), Some(project), Some(comment), Some(attachment), None] => {
                Self::PortalDownload([site, project, comment, attachment])
            }
            _ => Self::Unknown,
        }
    }

    pub(super) const fn template(self) -> &'static str {
        match self {
            Self::Download { named: false, .. } => "/a/{token}",
            Self::Download { named: true, .. } => "/a/{token}/{filename}",
            Self::PortalDownload(_) => "/p/{site}/{project}/{comment}/{attachment}",
            Self::LoggedIn { .. } => "/p/{site}/logged-in",
            Self::LogOut { .. } => "/p/{site}/log-out",
            Self::Robots => "/robots.txt",
            Self::Server => "*",
            Self::Unknown => crate::http::UNMATCHED,
        }
    }

    /// Whether it leads to a file.
    pub(super) const fn is_file(self) -> bool {
        matches!(self, Self::Download { .. } | Self::PortalDownload(_))
    }

    /// The methods, for `Allow`.
    pub(super) const fn allowed(self) -> &'static str {
        match self {
            Self::LogOut { .. } | Self::Server => ALLOWED_WITH_POST,
            Self::LoggedIn { .. } => ALLOWED_WITHOUT_HEAD,
            _ => ALLOWED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_routes() {
        for (path, route) in [
            ("/a/T", Route::Download { token: "T", named: false }),
            ("/a/T/x.png", Route::Download { token: "T", named: true }),
            ("/a/T/", Route::Download { token: "T", named: true }),
            ("/a/T/x/y", Route::Unknown),
            ("/a", Route::Unknown),
            ("/", Route::Unknown),
            ("/robots.txt", Route::Robots),
            ("*", Route::Server),
            ("/p/acme/SUP/c1/a1", Route::PortalDownload(["acme", "SUP", "c1", "a1"])),
            ("/p/acme/SUP/c1/a1/", Route::Unknown),
            ("/p/acme/SUP/c1", Route::Unknown),
            ("/p/acme/logged-in", Route::LoggedIn { site: "acme" }),
            ("/p/acme/log-out", Route::LogOut { site: "acme" }),
            ("/p/acme", Route::Unknown),
            ("/p/", Route::Unknown),
            ("/v1/sites/s", Route::Unknown),
            ("/metrics", Route::Unknown),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }
}
