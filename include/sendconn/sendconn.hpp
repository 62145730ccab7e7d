// Everything that the library offers. Programs that care for their build time include what they use.
#pragma once

#include <sendconn/address.hpp>
#include <sendconn/authres.hpp>
#include <sendconn/crypto.hpp>
#include <sendconn/dkim.hpp>
#include <sendconn/dkim_key.hpp>
#include <sendconn/dkim_verify.hpp>
#include <sendconn/dmarc.hpp>
#include <sendconn/dns.hpp>
#include <sendconn/dns_cache.hpp>
#include <sendconn/ip.hpp>
#include <sendconn/limit.hpp>
#include <sendconn/message.hpp>
#include <sendconn/ownership.hpp>
#include <sendconn/policy.hpp>
#include <sendconn/reply.hpp>
#include <sendconn/resolver.hpp>
#include <sendconn/result.hpp>
#include <sendconn/route.hpp>
#include <sendconn/sasl.hpp>
#include <sendconn/smtp.hpp>
#include <sendconn/spf.hpp>
#include <sendconn/spf_record.hpp>
#include <sendconn/time.hpp>
#include <sendconn/tls.hpp>
#include <sendconn/zone.hpp>
