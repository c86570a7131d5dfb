// SPDX-License-Identifier: GPL-2.0
/*
 * One entry of a stage-2 tree: taking it out, holding others off it, and
 * putting smaller pages in its place.
 */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "stage2_entry.h"

/**
 * lodge_stage2_entry_disown - free a table that is detached
 * @s2: the tree
 * @table: the table, nothing in it but frozen entries
 * @level: its level
 *
 * Context: lock held, exclusive side, or nobody else knows the tree: the pool
 * of nodes has one taker.
 */
void lodge_stage2_entry_disown(struct lodge_stage2 *s2, u64 *table,
			       unsigned int level)
{
	struct llist_node *link = llist_del_first(&s2->nodes);
	struct lodge_stage2_node *node;

	atomic_long_dec(&s2->tables);
	if (WARN_ON_ONCE(!link))
		return;
	node = llist_entry(link, struct lodge_stage2_node, link);
	node->ops = s2->ops;
	node->table = table;
	node->bytes = s2->fmt->level[level].table_bytes;
	lodge_stage2_cache_free_rcu(node);
}

/**
 * lodge_stage2_entry_forget - account for an entry that was taken out
 * @s2: the tree
 * @entry: what it was
 * @gpa: address of the first byte it mapped
 * @level: its level
 *
 * Context: lock held, either side; the caller took the entry out.
 * Return: true if it was a leaf.
 */
bool lodge_stage2_entry_forget(struct lodge_stage2 *s2, u64 entry, gpa_t gpa,
			       unsigned int level)
{
	struct lodge_stage2_leaf leaf;

	if (kind_of(s2->fmt, entry, level) != LODGE_STAGE2_LEAF)
		return false;
	count_leaves(s2, level, -1);
	if (s2->ops->leaf_gone) {
		read_leaf(s2->fmt, entry, level, &leaf);
		tell_leaf_gone(s2, gpa, level, &leaf);
	}
	return true;
}

/**
 * lodge_stage2_entry_freeze - make hardware forget a leaf, and hold others off
 * @s2: the tree
 * @p: the entry
 * @entry: what it is
 * @gpa: any address that it maps
 * @level: its level
 *
 * Context: lock held, either side.
 * Return: true if the entry is frozen and flushed: it is the caller's until it
 * stores something else there. False if it was not @entry any more.
 */
bool lodge_stage2_entry_freeze(struct lodge_stage2 *s2, u64 *p, u64 entry,
			       gpa_t gpa, unsigned int level)
{
	gpa_t base = entry_base(s2->fmt, gpa, level);

	if (!try_cmpxchg64(p, &entry, s2->fmt->frozen))
		return false;
	s2->ops->flush_range(s2->ctx, base, base + entry_size(s2->fmt, level));
	return true;
}

static void fill_from_leaf(const struct lodge_stage2_format *fmt, u64 *table,
			   unsigned int level,
			   const struct lodge_stage2_leaf *leaf)
{
	unsigned int i;

	for (i = 0; i < table_entries(fmt, level); i++)
		table[i] = fmt->make_leaf(leaf->hpa + i * entry_size(fmt, level),
					  leaf->attr, level);
}

static bool publish_table(struct lodge_stage2 *s2, u64 *p, u64 old, u64 new,
			  gpa_t gpa, unsigned int level)
{
	if (!s2->fmt->break_before_make)
		return try_cmpxchg64(p, &old, new);
	if (!lodge_stage2_entry_freeze(s2, p, old, gpa, level))
		return false;
	smp_store_release(p, new);
	return true;
}

/**
 * lodge_stage2_entry_split - replace a leaf by the next smaller ones
 * @s2: the tree
 * @cache: has the table for them
 * @gpa: any address that the leaf maps
 * @level: its level, not 0
 * @p: the entry
 * @entry: what it is
 *
 * They say the same as the leaf did, accessed and dirty included.
 *
 * Context: lock held, either side.
 * Return: LODGE_STAGE2_RACED, done or not: the caller looks again; -ENOMEM if
 * the cache is empty.
 */
int lodge_stage2_entry_split(struct lodge_stage2 *s2,
			     struct lodge_stage2_cache *cache, gpa_t gpa,
			     unsigned int level, u64 *p, u64 entry)
{
	const struct lodge_stage2_format *fmt = s2->fmt;
	struct lodge_stage2_node *node = lodge_stage2_cache_take(cache, level - 1);
	struct lodge_stage2_leaf leaf;
	u64 new;

	if (!node)
		return -ENOMEM;
	read_leaf(fmt, entry, level, &leaf);
	fill_from_leaf(fmt, node->table, level - 1, &leaf);
	new = fmt->make_table(virt_to_phys(node->table), level);
	if (publish_table(s2, p, entry, new, gpa, level)) {
		adopt_table(s2, node);
		count_leaves(s2, level, -1);
		count_leaves(s2, level - 1, table_entries(fmt, level - 1));
	} else {
		memset(node->table, 0, node->bytes);
		lodge_stage2_cache_give(cache, level - 1, node);
	}
	return LODGE_STAGE2_RACED;
}
