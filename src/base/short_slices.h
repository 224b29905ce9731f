// Short slices of a CPU for a server whose threads have to share it.
//
// Whoever runs finishes his slice, some 3 ms, before a thread that was woken gets its turn; and who yields, because another holds
// the lock that it needs, gives away a slice of its own. So a worker that met the thread of a checkpoint in one shard, on one
// CPU, was away for 3 to 5 ms. With slices of a tenth of a millisecond each thread has as much of the CPU in the end, and waits a
// tenth of a millisecond. Linux lets a thread choose since 6.12; earlier kernels let it be.
//
// That alone leaves who is woken waiting for the timer's next tick (4 ms where a kernel has 250 of them) if it has had its share of
// late. So threads that nobody waits for are worth a third of a worker on a CPU that both want: what a worker has had is hardly
// ever too much then, and it runs when it is woken. They still get a quarter of the CPU, however busy workers are.
//
// Threads: the calling one, and those that it makes from then on.
#pragma once

namespace terrace {

void TakeShortSlices();
/// For a thread that works in the background.
void GiveWayToWorkers();

}  // namespace terrace
