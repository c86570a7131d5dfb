/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What memslot.c sees of the rest of Lodge when it is built for its test: a VM
 * with little more than its slots. Included before everything else.
 */
#ifndef MEMSLOT_WORLD_H
#define MEMSLOT_WORLD_H

#include <assert.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/mutex.h>
#include <linux/srcu.h>
#include <linux/types.h>

#define __user
#define __aligned_u64		__u64 __attribute__((aligned(8)))
#define U16_MAX			0xffff
#define BITS_TO_LONGS(n)	(((n) + 63) / 64)

#define LODGE_ARCH_TYPES_H	/* instead of the architecture's */
#define LODGE_MAX_AS		2

struct lodge_memslot_arch {
};

#define LODGE_VM_H		/* instead of src/vm.h */

struct lodge_memslots;

struct lodge_vm {
	struct mutex slots_lock;
	struct srcu_struct srcu;
	int users;
	struct {
		struct lodge_memslots *slots;
	} as[LODGE_MAX_AS];
};

static inline int refcount_read(const int *users)
{
	return *users;
}

#endif
