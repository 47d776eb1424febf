//! Talking to providers: where to send a customer, and who came back.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdTokenClaims, CoreIdTokenVerifier,
    CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _,
};
use tokio::sync::OnceCell;
use tokio::time::Instant;
use url::Url;

use super::failure::{LoginError, of_discovery, of_proof, of_tokens, of_user_info};
use super::internal::ProviderAddresses;
use super::seal::random_text;
use super::wire::{To, Wire, may_lead_to};
use crate::domain::portal::{EmailAddress, LoginProvider};

/// How long a provider's description and keys are kept. A key that is not among them is looked for at once.
const KEPT_FOR: Duration = Duration::from_mins(5);
/// How long a provider that failed is not asked again for its description.
const LEFT_ALONE_FOR: Duration = Duration::from_secs(3);
/// Providers that are remembered.
const PROVIDERS: u64 = 1000;

/// How a proof may be signed: with a key that only the provider has. A password that two have proves less, and what is
/// not signed nothing, whatever the provider says that it does.
const SIGNATURES: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// Where to send a customer, and what has to come back.
pub struct Begun {
    /// The provider's page.
    pub url: Url,
    /// What the provider gives back unchanged.
    pub state: String,
    /// What it signs.
    pub nonce: String,
    /// What proves that whoever comes back is who began.
    pub verifier: String,
}

/// What came back with a customer, and what it has to fit.
#[derive(Clone, Copy)]
pub struct Returned<'a> {
    /// The provider's code.
    pub code: &'a str,
    /// What its proof must carry.
    pub nonce: &'a str,
    /// What proves who began.
    pub verifier: &'a str,
}

/// What a provider said of itself, or why it did not.
struct Described {
    outcome: Result<Arc<CoreProviderMetadata>, LoginError>,
    at: Instant,
}

impl Described {
    fn is_old(&self) -> bool {
        self.at.elapsed() >= if self.outcome.is_ok() { KEPT_FOR } else { LEFT_ALONE_FOR }
    }
}

/// The providers of all sites.
pub struct Providers {
    wire: Wire,
    /// Of many customers who wait for one description, one asks for it.
    known: Cache<String, Arc<OnceCell<Described>>>,
}

impl Providers {
    /// Providers at such addresses, none of which was asked yet.
    #[must_use]
    pub fn at(addresses: ProviderAddresses) -> Self {
        Self { wire: Wire::to(addresses), known: Cache::new(PROVIDERS) }
    }

    /// Begins a login. `slot` begins the state; `anew` asks for the password even of somebody who is logged in there.
    ///
    /// # Errors
    /// When the provider is down, or wrong.
    pub async fn begin(
        &self,
        provider: &LoginProvider,
        redirect: &str,
        slot: char,
        anew: bool,
    ) -> Result<Begun, LoginError> {
        let metadata = self.described(provider).await?;
        let client = client(&metadata, provider, redirect)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(format!("{slot}{}", random_text())),
                || Nonce::new(random_text()),
            )
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge);
        if anew {
            request = request.add_prompt(CoreAuthPrompt::Login);
        }
        let (url, state, nonce) = request.url();
        if !may_lead_to(&url, provider.issuer.is_plain()) {
            return Err(LoginError::wrong("its login page is not https"));
        }
        let (state, nonce) = (state.into_secret(), nonce.secret().clone());
        Ok(Begun { url, state, nonce, verifier: verifier.into_secret() })
    }

    /// Ends a login: asks the provider who came back.
    ///
    /// # Errors
    /// Whatever keeps the provider from vouching for a verified email address, in this login and for this service.
    pub async fn finish(
        &self,
        provider: &LoginProvider,
        redirect: &str,
        returned: Returned<'_>,
    ) -> Result<EmailAddress, LoginError> {
        let to = self.to(provider);
        let metadata = self.described(provider).await?;
        let login = client(&metadata, provider, redirect)?;
        let code = AuthorizationCode::new(returned.code.to_owned());
        let request = login.exchange_code(code).map_err(|_| LoginError::wrong("it names no token endpoint"))?;
        let verifier = PkceCodeVerifier::new(returned.verifier.to_owned());
        let tokens = request.set_pkce_verifier(verifier).request_async(&to).await.map_err(of_tokens)?;

        let nonce = Nonce::new(returned.nonce.to_owned());
        let claims = match proved(&login, &tokens, &nonce) {
            // Its keys may be newer than what is kept.
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                let metadata = self.described_anew(provider).await?;
                proved(&client(&metadata, provider, redirect)?, &tokens, &nonce)
            }
            proved => proved,
        };
        let claims = claims.map_err(|why| of_proof(&why))?;
        if let Some(email) = claims.email() {
            return verified(email.as_str(), claims.email_verified());
        }
        // Most providers put the address into the token only when they are told to, and always here.
        let subject = Some(claims.subject().clone());
        let request = login.user_info(tokens.access_token().clone(), subject);
        let request = request.map_err(|_| LoginError::NoVerifiedEmail)?;
        let claims: CoreUserInfoClaims = request.request_async(&to).await.map_err(of_user_info)?;
        verified(claims.email().map_or("", |email| email.as_str()), claims.email_verified())
    }

    fn to<'a>(&'a self, provider: &LoginProvider) -> To<'a> {
        To { wire: &self.wire, plain: provider.issuer.is_plain() }
    }

    /// The provider's description and keys, kept from before or asked for.
    async fn described(&self, provider: &LoginProvider) -> Result<Arc<CoreProviderMetadata>, LoginError> {
        let known = self.known.get_with_by_ref(provider.issuer.as_str(), Arc::default);
        if known.get().is_some_and(Described::is_old) {
            return self.described_anew(provider).await;
        }
        self.describe(provider, &known).await
    }

    async fn described_anew(&self, provider: &LoginProvider) -> Result<Arc<CoreProviderMetadata>, LoginError> {
        let unknown = Arc::default();
        self.known.insert(provider.issuer.as_str().to_owned(), Arc::clone(&unknown));
        self.describe(provider, &unknown).await
    }

    async fn describe(
        &self,
        provider: &LoginProvider,
        known: &OnceCell<Described>,
    ) -> Result<Arc<CoreProviderMetadata>, LoginError> {
        let ask = || async { Described { outcome: self.ask(provider).await, at: Instant::now() } };
        known.get_or_init(ask).await.outcome.clone()
    }

    async fn ask(&self, provider: &LoginProvider) -> Result<Arc<CoreProviderMetadata>, LoginError> {
        let url = IssuerUrl::new(provider.issuer.as_str().to_owned());
        let url = url.map_err(|_| LoginError::wrong("the issuer is no URL"))?;
        CoreProviderMetadata::discover_async(url, &self.to(provider)).await.map(Arc::new).map_err(of_discovery)
    }
}

fn client(metadata: &CoreProviderMetadata, to: &LoginProvider, redirect: &str) -> Result<Client, LoginError> {
    let redirect = RedirectUrl::new(redirect.to_owned()).map_err(|_| LoginError::wrong("public_url is no URL"))?;
    let id = ClientId::new(to.client_id.as_str().to_owned());
    let secret = ClientSecret::new(to.client_secret.reveal().to_owned());
    let client = CoreClient::from_provider_metadata(metadata.clone(), id, Some(secret)).set_redirect_uri(redirect);
    // Without a word about it, a provider takes the secret in a header (OpenID Connect Discovery section 3).
    let in_body = metadata.token_endpoint_auth_methods_supported().is_some_and(|methods| {
        methods.contains(&CoreClientAuthMethod::ClientSecretPost)
            && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
    });
    Ok(if in_body { client.set_auth_type(AuthType::RequestBody) } else { client })
}

/// The provider's proof of who logged in: signed by it, for this service, in this login, and not over. Its time is the
/// machine's, not a test's.
fn proved(
    client: &Client,
    tokens: &CoreTokenResponse,
    nonce: &Nonce,
) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
    let other = |what: &str| ClaimsVerificationError::Other(what.to_owned());
    let token = tokens.id_token().ok_or_else(|| other("it gives no ID token"))?;
    let verifier: CoreIdTokenVerifier<'_> = client.id_token_verifier().set_allowed_algs(SIGNATURES);
    let claims = token.claims(&verifier, nonce)?;
    if let Some(expected) = claims.access_token_hash() {
        let algorithm = token.signing_alg().map_err(|_| other("the ID token's algorithm is unknown"))?;
        let key = token.signing_key(&verifier).map_err(ClaimsVerificationError::SignatureVerification)?;
        let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
        if actual.map_err(|_| other("the access token cannot be hashed"))? != *expected {
            return Err(other("the access token is another's"));
        }
    }
    Ok(claims.clone())
}

/// An address that nobody verified proves nothing about who is behind it.
fn verified(email: &str, is_verified: Option<bool>) -> Result<EmailAddress, LoginError> {
    let email = (is_verified == Some(true)).then(|| email.parse().ok()).flatten();
    email.ok_or(LoginError::NoVerifiedEmail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_verified_address_is_anybodys() {
        assert_eq!(verified("Ana@A.example", Some(true)).unwrap().as_str(), "ana@a.example");
        for (email, is_verified) in [("ana@a.example", Some(false)), ("ana@a.example", None), ("", Some(true))] {
            assert!(
                matches!(verified(email, is_verified), Err(LoginError::NoVerifiedEmail)),
                "{email} {is_verified:?}"
            );
        }
    }
}
