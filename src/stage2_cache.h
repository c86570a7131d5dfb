/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LODGE_STAGE2_CACHE_H
#define LODGE_STAGE2_CACHE_H

#include <linux/rcupdate.h>

#include "stage2.h"

/*
 * A table and what it takes to free it later. A node is allocated with its
 * table; while the table is in a tree the node waits in the tree's pool, and
 * any node of the pool serves to free any table. So there are always as many
 * nodes as live tables, freeing never allocates, and a table needs no room for
 * metadata.
 */
struct lodge_stage2_node {
	struct rcu_head rcu;
	struct llist_node link;
	const struct lodge_stage2_ops *ops;
	void *table;
	size_t bytes;
};

struct lodge_stage2_node *
lodge_stage2_cache_new(const struct lodge_stage2_ops *ops, size_t bytes,
		       size_t align, gfp_t gfp);
void lodge_stage2_cache_free(struct lodge_stage2_node *node);
void lodge_stage2_cache_free_rcu(struct lodge_stage2_node *node);
struct lodge_stage2_node *
lodge_stage2_cache_take(struct lodge_stage2_cache *cache, unsigned int level);
void lodge_stage2_cache_give(struct lodge_stage2_cache *cache,
			     unsigned int level,
			     struct lodge_stage2_node *node);

#endif
