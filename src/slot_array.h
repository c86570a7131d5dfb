/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One address space's slots: an immutable snapshot, sorted in three ways.
 */
#ifndef LODGE_SLOT_ARRAY_H
#define LODGE_SLOT_ARRAY_H

#include <linux/gfp.h>
#include "types.h"

struct lodge_memslot;

/**
 * struct lodge_memslots - one address space's slots
 * @nr: slots
 * @by_gfn: the slots by base_gfn, which do not overlap; then the same by id;
 *	then by userspace_addr, which may overlap. Behind them stands for each
 *	of the latter how far it and those before it reach (hva_t)
 */
struct lodge_memslots {
	unsigned int nr;
	struct lodge_memslot *by_gfn[];
};

struct lodge_memslots *lodge_slot_array_new(const struct lodge_memslots *from, struct lodge_memslot *gone,
					    struct lodge_memslot *added, gfp_t gfp);
bool lodge_slot_array_overlaps(const struct lodge_memslots *slots, gfn_t base, unsigned long npages,
			       const struct lodge_memslot *but);

/* Slots whose memory lies in [start, end) of the VMM: upper() once, then prev() until NULL. Any order. */
unsigned int lodge_slot_array_upper(const struct lodge_memslots *slots, hva_t end);
struct lodge_memslot *lodge_slot_array_prev(const struct lodge_memslots *slots, unsigned int *i, hva_t start);

#endif
