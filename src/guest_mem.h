/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host's own accesses to guest memory, through the VMM's mapping.
 *
 * All need the VM's SRCU read lock and the VMM's mm as current->mm. All work
 * across page and slot boundaries and mark written pages dirty.
 */
#ifndef LODGE_GUEST_MEM_H
#define LODGE_GUEST_MEM_H

#include "types.h"

struct lodge_memslot;
struct lodge_memslots;
struct lodge_vm;

/**
 * struct lodge_guest_view - one look at an address space, for several small reads
 * @slots: its slots, as they were when the look began
 * @slot: where the last read went; the next one is likely to go there too
 *
 * Valid within one SRCU read-side section.
 */
struct lodge_guest_view {
	struct lodge_memslots *slots;
	struct lodge_memslot *slot;
};

/* SRCU held from here to the last read. */
void lodge_guest_view_begin(struct lodge_guest_view *view, struct lodge_vm *vm, unsigned int as_id);
/*
 * One number that does not cross a page. They may sleep, unless page faults are disabled: then -EFAULT if it cannot be
 * read right now; -EFAULT also as above.
 */
int lodge_guest_view_u32(struct lodge_guest_view *view, gpa_t gpa, u32 *val);
int lodge_guest_view_u64(struct lodge_guest_view *view, gpa_t gpa, u64 *val);

/* May sleep. 0 or -EFAULT (no slot, or the VMM's mapping refuses); a refused access may have been done in part. */
int lodge_guest_read(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa, void *data, unsigned long len);
int lodge_guest_write(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa, const void *data, unsigned long len);

/* Never sleeps (page faults disabled; for the inner loop). 0, or -EFAULT if it cannot be read right now. */
int lodge_guest_read_atomic(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa, void *data, unsigned long len);

/*
 * Compare and exchange of 1, 2, 4 or 8 bytes, naturally aligned, atomic against guest accesses.
 * @old is updated with what was there. May sleep. 0 exchanged, 1 not equal, -EFAULT as above, -EINVAL on bad size or alignment.
 */
int lodge_guest_cmpxchg(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa, u64 *old, u64 new, unsigned int bytes);

/* True if reads of @gpa go to a slot (so are RAM or ROM, not MMIO). */
bool lodge_guest_readable(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa);
/* True if writes of @gpa go to a writable slot. */
bool lodge_guest_writable(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa);

#endif
