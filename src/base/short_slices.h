// Short slices of a CPU for a server whose threads have to share it.
//
// Whoever runs finishes his slice, some 3 ms, before a thread that was woken gets its turn; and who yields, because another holds
// the lock that it needs, gives away a slice of its own. So a worker that met the thread of a checkpoint in one shard, on one
// CPU, was away for 3 to 5 ms. With slices of a tenth of a millisecond each thread has as much of the CPU in the end, and waits a
// tenth of a millisecond. Linux lets a thread choose since 6.12; earlier kernels let it be.
//
// Threads: the calling one, and those that it makes from then on.
#pragma once

namespace terrace {

void TakeShortSlices();

}  // namespace terrace
