/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside the stage-2 engine: one entry, and the table it points to.
 */
#ifndef LODGE_STAGE2_ENTRY_H
#define LODGE_STAGE2_ENTRY_H

#include <linux/atomic.h>
#include <linux/io.h>

#include "stage2.h"
#include "stage2_cache.h"

/* Somebody changed the entry first: look at it again. */
#define LODGE_STAGE2_RACED	2

static inline gpa_t entry_size(const struct lodge_stage2_format *fmt,
			unsigned int level)
{
	return 1ULL << fmt->level[level].shift;
}

static inline gpa_t entry_base(const struct lodge_stage2_format *fmt, gpa_t gpa,
			unsigned int level)
{
	return gpa & ~(entry_size(fmt, level) - 1);
}

static inline unsigned int table_entries(const struct lodge_stage2_format *fmt,
				  unsigned int level)
{
	return 1U << fmt->level[level].index_bits;
}

static inline u64 *entry_of(const struct lodge_stage2_format *fmt, u64 *table,
		     gpa_t gpa, unsigned int level)
{
	gpa_t index = gpa >> fmt->level[level].shift;

	return &table[index & (table_entries(fmt, level) - 1)];
}

static inline enum lodge_stage2_kind kind_of(const struct lodge_stage2_format *fmt,
				      u64 entry, unsigned int level)
{
	return entry ? fmt->kind(entry, level) : LODGE_STAGE2_ABSENT;
}

/* The table that @entry points to; NULL if it is something else. */
static inline u64 *table_of(const struct lodge_stage2_format *fmt, u64 entry,
		     unsigned int level)
{
	hpa_t hpa = level && entry ? fmt->table_hpa(entry, level) : 0;

	return hpa ? phys_to_virt(hpa) : NULL;
}

static inline void read_leaf(const struct lodge_stage2_format *fmt, u64 entry,
		      unsigned int level, struct lodge_stage2_leaf *leaf)
{
	*leaf = (struct lodge_stage2_leaf) {
		.kind = LODGE_STAGE2_LEAF,
		.level = level,
	};
	fmt->read_leaf(entry, level, leaf);
}

static inline void adopt_table(struct lodge_stage2 *s2,
			       struct lodge_stage2_node *node)
{
	llist_add(&node->link, &s2->nodes);
	atomic_long_inc(&s2->tables);
}

static inline void count_leaves(struct lodge_stage2 *s2, unsigned int level,
				long n)
{
	atomic_long_add(n, &s2->pages[level]);
}

static inline void tell_leaf_gone(struct lodge_stage2 *s2, gpa_t gpa,
				  unsigned int level,
				  const struct lodge_stage2_leaf *leaf)
{
	if (s2->ops->leaf_gone)
		s2->ops->leaf_gone(s2->ctx, gpa, level, leaf);
}

void lodge_stage2_entry_disown(struct lodge_stage2 *s2, u64 *table,
			       unsigned int level);
bool lodge_stage2_entry_forget(struct lodge_stage2 *s2, u64 entry, gpa_t gpa,
			       unsigned int level);
bool lodge_stage2_entry_freeze(struct lodge_stage2 *s2, u64 *p, u64 entry,
			       gpa_t gpa, unsigned int level);
int lodge_stage2_entry_split(struct lodge_stage2 *s2,
			     struct lodge_stage2_cache *cache, gpa_t gpa,
			     unsigned int level, u64 *p, u64 entry);

#endif
