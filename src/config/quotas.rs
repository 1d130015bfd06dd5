//! How often callers may ask: the quotas of the rate limits.

use std::num::NonZeroU32;
use std::time::Duration;

use super::fault::quoted;
use super::reader::Expected;

/// Each with its reason:
///
/// - `caller`: a screen is one request, and a frontend that opens asks for a few; a person with three devices stays far
///   below, and a loop that runs wild is stopped. By user, so an office of any size fits behind one address.
/// - `forwarded`: five hundred people who ask every five seconds, and who all open their frontends at once.
/// - `anonymous`: five hundred people who open their frontends in the same second, at two requests each before a session.
/// - `login`: a person who mistypes or opens several tabs; who logs in for every request should learn so.
/// - `login-address`: five hundred people who come in at nine, some of them twice. Nobody guesses an API key so: at ten a
///   second, sixteen hex digits take billions of years.
pub(super) const QUOTAS_DEFAULT: &str =
    "caller=20/s:60,forwarded=200/s:2000,anonymous=50/s:1000,login=5/m:10,login-address=10/s:600";

pub(super) const QUOTAS_FORM: &str = "a list of NAME=COUNT/UNIT:BURST for caller, forwarded, anonymous, login, login-address; \
     units s, m, h; what is not named keeps its default";

/// The largest count and burst: more than a gateway answers in a second, and far from where nanoseconds overflow.
const NUMBER_MAX: u32 = 1_000_000;

/// So much in each period, and so much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaConfig {
    /// How many grow back in each period · 1 to 1000000.
    pub count: NonZeroU32,
    /// A second, a minute or an hour.
    pub period: Duration,
    /// How many may come at once · 1 to 1000000.
    pub burst: NonZeroU32,
}

/// The quota of each rate limit · `OZEKI_GRAPHQL_RATE_LIMIT_QUOTAS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotasConfig {
    /// Requests of one user · 20/s:60.
    pub caller: QuotaConfig,
    /// Requests with forwarded credentials from one address · 200/s:2000.
    pub forwarded: QuotaConfig,
    /// Requests without a credential that is accepted, from one address · 50/s:1000.
    pub anonymous: QuotaConfig,
    /// Logins with one API key · 5/m:10.
    pub login: QuotaConfig,
    /// Logins from one address · 10/s:600.
    pub login_address: QuotaConfig,
}

impl QuotasConfig {
    /// Reads a list; what it does not name has its default.
    pub(super) fn parse(text: &str) -> Result<Self, Expected> {
        let mut quotas = Self::default();
        let mut named = Vec::new();
        let mut wrong = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (name, quota) = part.split_once('=').unwrap_or((part, ""));
            let name = name.trim_end();
            let Some(place) = quotas.place(name) else {
                wrong.push(format!("{} names none of them", quoted(name)));
                continue;
            };
            if named.contains(&name) {
                wrong.push(format!("{} stands twice", quoted(name)));
            }
            named.push(name);
            match QuotaConfig::parse(quota) {
                Some(quota) => *place = quota,
                None => wrong.push(format!(
                    "{} is none, as 20/s:60 is, with numbers from 1 to {NUMBER_MAX}",
                    quoted(part)
                )),
            }
        }
        if wrong.is_empty() {
            return Ok(quotas);
        }
        Err(format!("{QUOTAS_FORM}: {}", wrong.join("; ")))
    }

    fn place(&mut self, name: &str) -> Option<&mut QuotaConfig> {
        Some(match name {
            "caller" => &mut self.caller,
            "forwarded" => &mut self.forwarded,
            "anonymous" => &mut self.anonymous,
            "login" => &mut self.login,
            "login-address" => &mut self.login_address,
            _ => return None,
        })
    }
}

impl QuotaConfig {
    /// Reads `COUNT/UNIT:BURST`.
    fn parse(text: &str) -> Option<Self> {
        let (rate, burst) = text.split_once(':')?;
        let (count, unit) = rate.split_once('/')?;
        let period = match unit.trim() {
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(60 * 60),
            _ => return None,
        };
        Some(Self { count: number(count)?, period, burst: number(burst)? })
    }
}

fn number(text: &str) -> Option<NonZeroU32> {
    text.trim().parse().ok().filter(|number: &NonZeroU32| number.get() <= NUMBER_MAX)
}

impl Default for QuotasConfig {
    /// What `QUOTAS_DEFAULT` says.
    fn default() -> Self {
        const SECOND: Duration = Duration::from_secs(1);
        const MINUTE: Duration = Duration::from_secs(60);
        let quota = |count: u32, period, burst: u32| QuotaConfig {
            count: NonZeroU32::MIN.saturating_add(count - 1),
            period,
            burst: NonZeroU32::MIN.saturating_add(burst - 1),
        };
        Self {
            caller: quota(20, SECOND, 60),
            forwarded: quota(200, SECOND, 2000),
            anonymous: quota(50, SECOND, 1000),
            login: quota(5, MINUTE, 10),
            login_address: quota(10, SECOND, 600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_the_defaults_says_what_they_are() {
        assert_eq!(QuotasConfig::parse(QUOTAS_DEFAULT), Ok(QuotasConfig::default()));
        let names: Vec<_> = QUOTAS_DEFAULT.split([',', '=']).step_by(2).collect();
        assert_eq!(names, ["caller", "forwarded", "anonymous", "login", "login-address"]);
    }

    #[test]
    fn what_is_not_named_keeps_its_default() {
        let quotas = QuotasConfig::parse(" login = 7/h:1 , caller=1/m:1000000").unwrap();
        assert_eq!(quotas.login.period, Duration::from_secs(3600));
        assert_eq!((quotas.login.count.get(), quotas.login.burst.get()), (7, 1));
        assert_eq!(quotas.caller.burst.get(), 1_000_000);
        assert_eq!(quotas.anonymous, QuotasConfig::default().anonymous);
    }

    #[test]
    fn each_part_that_is_wrong_is_told() {
        let told = QuotasConfig::parse("caller=20/s, logins=5/m:10,login=0/m:1,forwarded=1/d:1");
        let told = told.unwrap_err();
        for part in
            ["`caller=20/s` is none", "`logins` names", "`login=0/m:1`", "`forwarded=1/d:1`"]
        {
            assert!(told.contains(part), "{told}");
        }
        for text in [
            "",
            "caller",
            "caller=1/s:1000001",
            "caller=1/s:0",
            "caller=-1/s:1",
            "caller=1/s:1:1",
            "caller=1/s:1,",
            "caller=1/s:1,caller=1/s:1",
        ] {
            assert!(QuotasConfig::parse(text).is_err(), "{text:?}");
        }
    }
}
