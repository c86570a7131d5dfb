/* SPDX-License-Identifier: GPL-2.0 */
/* One thread: what can be checked is that it is taken once, and given back. */
#ifndef SHIM_LINUX_MUTEX_H
#define SHIM_LINUX_MUTEX_H

#include <linux/bug.h>
#include <stdbool.h>

struct mutex {
	bool held;
};

static inline void mutex_lock(struct mutex *lock)
{
	WARN_ON_ONCE(lock->held);
	lock->held = true;
}

static inline void mutex_unlock(struct mutex *lock)
{
	WARN_ON_ONCE(!lock->held);
	lock->held = false;
}

#define lockdep_is_held(lock)		((lock)->held)
#define lockdep_assert_held(lock)	WARN_ON_ONCE(!(lock)->held)

#endif
