//! `GET /p/{site}/logged-in`: the way back from the login provider.

use http::{Response, request::Parts};

use super::cookies::Cookies;
use super::provider::{self, InForce};
use super::redirect::see_other;
use crate::audit;
use crate::domain::ids::SiteId;
use crate::domain::portal::{Attempt, SESSION_LIFETIME, Session, SessionId};
use crate::http::problem::Code;
use crate::http::public::Public;
use crate::http::public::body::PublicBody;
use crate::http::public::refuse::Refusal;
use crate::login::{Returned, random_text};

/// What the provider sends back (`OpenID Connect Core` section 3.1.2.5 and 3.1.2.6, RFC 9207).
#[derive(Default)]
struct Answer {
    state: String,
    code: Option<String>,
    issuer: Option<String>,
}

impl Answer {
    /// Of a parameter that is there twice, none counts.
    fn of(query: &str) -> Option<Self> {
        let mut answer = Self::default();
        let mut states = 0;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let twice = match &*name {
                "state" => {
                    answer.state = value.into_owned();
                    states += 1;
                    states > 1
                }
                "code" => answer.code.replace(value.into_owned()).is_some(),
                "iss" => answer.issuer.replace(value.into_owned()).is_some(),
                _ => false,
            };
            if twice {
                return None;
            }
        }
        Some(answer)
    }
}

/// Ends a login that was begun in this browser, and goes on to the file.
pub(in crate::http::public) async fn logged_in(
    public: &Public,
    head: &Parts,
    site: &str,
) -> Result<Response<PublicBody>, Refusal> {
    let site: SiteId = super::id(site)?;
    let failed = || Refusal::new(Code::LoginFailed);
    let answer = head.uri.query().and_then(Answer::of).ok_or_else(failed)?;
    let app = &public.app;
    let key = app.login.key.as_ref().ok_or_else(failed)?;
    let cookies = Cookies { key, settings: &app.settings };
    let attempt = cookies.attempt(&head.headers, &site, &answer.state);
    let attempt = attempt.filter(|attempt| attempt.is_for(&site, &answer.state, app.clock.now())).ok_or_else(failed)?;
    // It was begun in this browser, and ends here, however it ends.
    let over = cookies.end_attempt(&answer.state).ok_or_else(failed)?;
    let session = match finish(public, &site, &attempt, answer).await {
        Ok(session) => session,
        Err(refusal) => return Err(refusal.with_cookie(over)),
    };
    // Only once the database knows it: a session that nobody could end must not begin.
    if app.store.begin_session(&session.id, session.over_at).await.is_err() {
        return Err(Refusal::new(Code::Unavailable).with_cookie(over));
    }
    let cookie = cookies.keep_session(&session).ok_or_else(failed)?;
    audit::logged_in(&site, &session.customer);
    let to = format!("{}{}", app.settings.public_url, attempt.target.path());
    see_other(&to, [over, cookie]).ok_or_else(failed)
}

async fn finish(public: &Public, site: &SiteId, attempt: &Attempt, answer: Answer) -> Result<Session, Refusal> {
    let app = &public.app;
    let InForce { number, provider, redirect, .. } = provider::of(app, site).await?;
    let same_issuer = answer.issuer.is_none_or(|issuer| issuer == provider.issuer.as_str());
    if number != attempt.provider || !same_issuer {
        return Err(Refusal::new(Code::LoginFailed));
    }
    // Without a code, the provider says that there was no login, or the customer said no.
    let code = answer.code.ok_or(Refusal::new(Code::LoginRefused))?;
    let returned = Returned { code: &code, nonce: &attempt.nonce, verifier: &attempt.verifier };
    let customer = app.login.providers.finish(&provider, &redirect, returned).await;
    let customer = customer.map_err(|error| provider::refused(site, &error))?;
    let over_at = (app.clock.now() + SESSION_LIFETIME).unix_timestamp();
    Ok(Session { id: SessionId::named(random_text()), site: site.to_string(), provider: number, customer, over_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_each_thing_once() {
        let answer = Answer::of("state=3a%2Bb&code=x&iss=https%3A%2F%2Fi.example&session_state=z").unwrap();
        assert_eq!((&*answer.state, answer.code.as_deref()), ("3a+b", Some("x")));
        assert_eq!(answer.issuer.as_deref(), Some("https://i.example"));
        assert!(Answer::of("error=access_denied&state=1").unwrap().code.is_none());
        for twice in ["state=1&state=1", "state=1&code=a&code=b", "iss=a&iss=b"] {
            assert!(Answer::of(twice).is_none(), "{twice}");
        }
    }
}
