//! The answers of a case, from lines "NAME TYPE DATA", in the forms in which the crates want them.

use async_trait::async_trait;
use mail_auth::dkim::DomainKey;
use mail_auth::dmarc::DmarcRecord;
use mail_auth::dns::TxtRecordParser;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::hickory_resolver::proto::op::ResponseCode;
use mail_auth::spf::SpfRecord;
use mail_auth::{
    DnsCache, DnsError, DnssecStatus, Error, MessageAuthenticator, Mx, Negative, RecordSet, ResolverCache, TxtRecord,
};
use std::borrow::Borrow;
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use viaspf::lookup::{Lookup, LookupError, LookupResult, Name};

/// Names have a trailing dot, as both crates ask for them.
#[derive(Clone, Default)]
pub struct Zone {
    pub txt: HashMap<Box<str>, Vec<String>>,
    pub mx: HashMap<Box<str>, Vec<String>>,
    pub a: HashMap<Box<str>, Vec<Ipv4Addr>>,
}

impl Zone {
    pub fn read(path: &Path) -> Zone {
        let mut zone = Zone::default();
        for line in std::fs::read_to_string(path).expect("the case's zone").lines() {
            let mut words = line.splitn(3, ' ');
            let mut word = || words.next().expect("NAME TYPE DATA");
            let (name, kind, data) = (format!("{}.", word()).into_boxed_str(), word(), word());
            match kind {
                "TXT" => zone.txt.entry(name).or_default().push(data.to_string()),
                "MX" => zone.mx.entry(name).or_default().push(format!("{data}.")),
                "A" => zone.a.entry(name).or_default().push(data.parse().expect("an address")),
                _ => panic!("record type {kind}"),
            }
        }
        zone
    }
}

/// Every future here is ready at its first poll, so that no runtime is needed.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("an answer was not in memory"),
    }
}

// ---------------------------------------------------------------- viaspf

#[async_trait]
impl Lookup for Zone {
    async fn lookup_a<'lookup, 'a>(&'lookup self, name: &'a Name) -> LookupResult<Vec<Ipv4Addr>> {
        self.a.get(name.as_str()).cloned().ok_or(LookupError::NoRecords)
    }
    async fn lookup_aaaa<'lookup, 'a>(&'lookup self, _: &'a Name) -> LookupResult<Vec<Ipv6Addr>> {
        Err(LookupError::NoRecords)
    }
    async fn lookup_mx<'lookup, 'a>(&'lookup self, name: &'a Name) -> LookupResult<Vec<Name>> {
        let hosts = self.mx.get(name.as_str()).ok_or(LookupError::NoRecords)?;
        Ok(hosts.iter().map(|host| Name::new(host).expect("a name")).collect())
    }
    async fn lookup_txt<'lookup, 'a>(&'lookup self, name: &'a Name) -> LookupResult<Vec<String>> {
        self.txt.get(name.as_str()).cloned().ok_or(LookupError::NoRecords)
    }
    async fn lookup_ptr<'lookup>(&'lookup self, _: IpAddr) -> LookupResult<Vec<Name>> {
        Err(LookupError::NoRecords)
    }
}

// ---------------------------------------------------------------- viadkim

#[derive(Clone)]
pub struct SharedZone(pub Arc<Zone>);

impl viadkim::verifier::LookupTxt for SharedZone {
    type Answer = Vec<io::Result<Vec<u8>>>;
    type Query<'a> = Pin<Box<dyn Future<Output = io::Result<Self::Answer>> + Send + 'a>>;

    fn lookup_txt(&self, domain: &str) -> Self::Query<'_> {
        let answer = match self.0.txt.get(domain) {
            Some(texts) => Ok(texts.iter().map(|text| Ok(text.clone().into_bytes())).collect()),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        Box::pin(std::future::ready(answer))
    }
}

// ---------------------------------------------------------------- mail-auth

/// mail-auth's caches keep parsed records: a hit is a shared pointer. With `texts` the TXT records are kept as text
/// instead and parsed at each hit, which is what a cache of DNS answers does.
pub struct Caches {
    texts: bool,
    txt: Answers<TxtRecord>,
    mx: Answers<Result<RecordSet<Mx>, Negative>>,
    ipv4: Answers<Result<RecordSet<Ipv4Addr>, Negative>>,
    none6: Answers<Result<RecordSet<Ipv6Addr>, Negative>>,
    ptr: NoPtr,
}

pub struct Answers<V> {
    values: HashMap<Box<str>, V>,
    texts: Option<HashMap<Box<str>, Vec<String>>>,
    missing: V,
}

fn parse(text: &str) -> TxtRecord {
    if text.starts_with("v=spf1") {
        SpfRecord::parse(text.as_bytes()).into()
    } else if text.starts_with("v=DMARC1") {
        DmarcRecord::parse(text.as_bytes()).into()
    } else {
        DomainKey::parse(text.as_bytes()).into()
    }
}

fn set<T>(records: Vec<T>) -> Result<RecordSet<T>, Negative> {
    Ok(RecordSet { records: records.into(), dnssec_status: DnssecStatus::Indeterminate })
}

/// TXT answers only are kept as text; the others have no form to be parsed from.
trait Reparse: Clone {
    fn from_texts(texts: &[String]) -> Option<Self>;
}
impl Reparse for TxtRecord {
    fn from_texts(texts: &[String]) -> Option<Self> {
        texts.first().map(|text| parse(text))
    }
}
impl<T: Clone> Reparse for Result<RecordSet<T>, Negative> {
    fn from_texts(_: &[String]) -> Option<Self> {
        None
    }
}

impl<V: Reparse> ResolverCache<Box<str>, V> for Answers<V> {
    fn get<Q>(&self, name: &Q) -> Option<V>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let found = match &self.texts {
            Some(texts) => texts.get(name).and_then(|texts| V::from_texts(texts)),
            None => self.values.get(name).cloned(),
        };
        // Nothing else is in the DNS of a case.
        Some(found.unwrap_or_else(|| self.missing.clone()))
    }
    fn remove<Q>(&self, _: &Q) -> Option<V>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }
    fn insert(&self, _: Box<str>, _: V, _: Instant) {}
}

pub struct NoPtr;
impl ResolverCache<IpAddr, Result<RecordSet<Box<str>>, Negative>> for NoPtr {
    fn get<Q>(&self, _: &Q) -> Option<Result<RecordSet<Box<str>>, Negative>>
    where
        IpAddr: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        Some(Err(Negative { code: ResponseCode::NXDomain }))
    }
    fn remove<Q>(&self, _: &Q) -> Option<Result<RecordSet<Box<str>>, Negative>>
    where
        IpAddr: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }
    fn insert(&self, _: IpAddr, _: Result<RecordSet<Box<str>>, Negative>, _: Instant) {}
}

impl Caches {
    pub fn new(zone: &Zone, texts: bool) -> Caches {
        let negative = || Negative { code: ResponseCode::NXDomain };
        let txt = zone.txt.iter().map(|(name, texts)| (name.clone(), parse(&texts[0])));
        let mx = zone.mx.iter().map(|(name, hosts)| {
            let exchanges = hosts.iter().map(|host| host.clone().into_boxed_str()).collect();
            (name.clone(), set(vec![Mx { exchanges, preference: 10 }]))
        });
        let ipv4 = zone.a.iter().map(|(name, addresses)| (name.clone(), set(addresses.clone())));
        Caches {
            texts,
            txt: Answers {
                values: txt.collect(),
                texts: texts.then(|| zone.txt.clone()),
                missing: TxtRecord::Error(Error::Dns(DnsError::RecordNotFound(ResponseCode::NXDomain))),
            },
            mx: Answers { values: mx.collect(), texts: None, missing: Err(negative()) },
            ipv4: Answers { values: ipv4.collect(), texts: None, missing: Err(negative()) },
            none6: Answers { values: HashMap::new(), texts: None, missing: Err(negative()) },
            ptr: NoPtr,
        }
    }
    pub fn suffix(&self) -> &'static str {
        if self.texts {
            "_parsing"
        } else {
            ""
        }
    }
}

impl DnsCache for Caches {
    type Txt = Answers<TxtRecord>;
    type Mx = Answers<Result<RecordSet<Mx>, Negative>>;
    type Ipv4 = Answers<Result<RecordSet<Ipv4Addr>, Negative>>;
    type Ipv6 = Answers<Result<RecordSet<Ipv6Addr>, Negative>>;
    type Ptr = NoPtr;

    fn txt(&self) -> Option<&Self::Txt> {
        Some(&self.txt)
    }
    fn mx(&self) -> Option<&Self::Mx> {
        Some(&self.mx)
    }
    fn ipv4(&self) -> Option<&Self::Ipv4> {
        Some(&self.ipv4)
    }
    fn ipv6(&self) -> Option<&Self::Ipv6> {
        Some(&self.none6)
    }
    fn ptr(&self) -> Option<&Self::Ptr> {
        Some(&self.ptr)
    }
}

/// Its resolver knows no server: every answer comes from the caches.
pub fn authenticator() -> MessageAuthenticator {
    MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default()).expect("a resolver")
}
