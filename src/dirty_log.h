/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dirty logging by bitmap.
 */
#ifndef LODGE_DIRTY_LOG_H
#define LODGE_DIRTY_LOG_H

#include <linux/kvm.h>
#include "types.h"

struct lodge_memslot;
struct lodge_vm;

/* Context: any, under the VM's SRCU. No effect if the slot does not log. */
void lodge_dirty_log_mark(struct lodge_vm *vm, struct lodge_memslot *slot, gfn_t gfn);

/* KVM_GET_DIRTY_LOG: takes the slots lock; may sleep. -EINVAL, -ENOENT (slot does not log), -EFAULT. */
int lodge_dirty_log_get(struct lodge_vm *vm, const struct kvm_dirty_log *log);

/* Called by memslot when KVM_MEM_LOG_DIRTY_PAGES is turned on for a live slot: write-protect all; slots lock held. */
void lodge_dirty_log_start(struct lodge_vm *vm, struct lodge_memslot *slot);
/* ... and when it is turned off: let huge pages come back. */
void lodge_dirty_log_stop(struct lodge_vm *vm, struct lodge_memslot *slot);

#endif
