// SqliteLedger: the records of the spool in an SQLite database.
//
// Write-ahead log, synchronous=FULL: a group is one transaction and one sync. The write-ahead log is copied into the
// database on a thread of its own with a connection of its own, so that the committer never stops for it.
//
// After a failed sync the kernel may hold pages for clean that never reached the disk, and a frame of the log shares
// its first page with the end of the frame before it. What was made durable earlier is then in doubt as well, so the
// ledger refuses everything until the relay is started again, when SQLite checks every frame by its checksum.
#pragma once

#include <memory>

#include "relay/spool/folder.hpp"
#include "relay/spool/large_files.hpp"
#include "relay/spool/ledger.hpp"

namespace sendconn::relay {

Result<std::unique_ptr<Ledger>> open_sqlite_ledger(const SpoolFolder& folder, std::shared_ptr<LargeFiles> large);

}  // namespace sendconn::relay
