// Reports by chance, each valid by its schema: the seed decides.
#pragma once

#include <sendconn/dmarc_report.hpp>

namespace sendconn::dmarc {

AggregateReport sample_report(unsigned seed);

}  // namespace sendconn::dmarc
