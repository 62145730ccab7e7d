// A heap that fails when it is told to: linking this in takes the place of malloc and its kin, and of operator new.
#pragma once

namespace sendconn::test {

/// From now on the allocation with this number fails, counted from 0, in this thread; negative: none does. With
/// `for_good` all behind it fail, too.
void fail_allocation(long number, bool for_good = false) noexcept;

/// Allocations since fail_allocation(), and whether one of them failed.
long allocations() noexcept;
bool allocation_failed() noexcept;

/// No more failures.
void heal_heap() noexcept;

/// Blocks in use now, of all threads.
long live_blocks() noexcept;

}  // namespace sendconn::test
