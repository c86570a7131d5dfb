/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_COMPILER_H
#define SHIM_LINUX_COMPILER_H

#include <stddef.h>

/*
 * A test that defines SHIM_RACES gets a chance, after each read, to let others
 * change what was read.
 */
#ifdef SHIM_RACES
void shim_race(void);
#else
#define shim_race()		((void)0)
#endif

#define READ_ONCE(x) ({							\
	__auto_type read_once = __atomic_load_n(&(x), __ATOMIC_ACQUIRE);	\
	shim_race();							\
	read_once;							\
})
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)

#define container_of(p, type, member)					\
	((type *)((char *)(p) - offsetof(type, member)))

#endif
