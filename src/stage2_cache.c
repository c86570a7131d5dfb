// SPDX-License-Identifier: GPL-2.0
/*
 * Tables for a stage-2 tree, allocated before the lock is taken and freed
 * after an RCU grace period.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "stage2_cache.h"

/**
 * lodge_stage2_cache_new - allocate a table and its node
 * @ops: where tables come from
 * @bytes: size of the table
 * @align: its alignment
 * @gfp: how to allocate
 *
 * Context: may sleep if @gfp does.
 * Return: the node, its table zeroed; NULL without memory.
 */
struct lodge_stage2_node *
lodge_stage2_cache_new(const struct lodge_stage2_ops *ops, size_t bytes,
		       size_t align, gfp_t gfp)
{
	struct lodge_stage2_node *node = kmalloc(sizeof(*node), gfp);

	if (!node)
		return NULL;
	node->ops = ops;
	node->bytes = bytes;
	node->table = ops->alloc_table(bytes, align, gfp);
	if (!node->table) {
		kfree(node);
		return NULL;
	}
	return node;
}

/**
 * lodge_stage2_cache_free - free a node and its table now
 * @node: one that nobody else can reach
 *
 * Context: any that the owner's free_table allows.
 */
void lodge_stage2_cache_free(struct lodge_stage2_node *node)
{
	node->ops->free_table(node->table, node->bytes);
	kfree(node);
}

static void free_after_grace_period(struct rcu_head *rcu)
{
	lodge_stage2_cache_free(container_of(rcu, struct lodge_stage2_node, rcu));
}

/**
 * lodge_stage2_cache_free_rcu - free a node and its table when readers are gone
 * @node: detached; readers without a lock may still be in its table
 *
 * Context: any; does not sleep or allocate.
 */
void lodge_stage2_cache_free_rcu(struct lodge_stage2_node *node)
{
	call_rcu(&node->rcu, free_after_grace_period);
}

static int find_class(struct lodge_stage2_cache *cache,
		      const struct lodge_stage2_level *level)
{
	unsigned int i;

	for (i = 0; i < cache->classes; i++)
		if (cache->class[i].bytes == level->table_bytes &&
		    cache->class[i].align == level->table_align)
			return i;
	if (cache->classes == LODGE_STAGE2_MAX_CLASSES)
		return -EINVAL;
	cache->class[i].bytes = level->table_bytes;
	cache->class[i].align = level->table_align;
	return cache->classes++;
}

/**
 * lodge_stage2_cache_init - an empty cache
 * @cache: to set up
 * @fmt: format of the trees it will serve
 * @ops: where tables come from
 *
 * Context: any.
 * Return: 0, or -EINVAL if the format has too many sizes of table.
 */
int lodge_stage2_cache_init(struct lodge_stage2_cache *cache,
			    const struct lodge_stage2_format *fmt,
			    const struct lodge_stage2_ops *ops)
{
	unsigned int level;

	memset(cache, 0, sizeof(*cache));
	cache->fmt = fmt;
	cache->ops = ops;
	for (level = 0; level + 1 < fmt->levels; level++) {
		int class = find_class(cache, &fmt->level[level]);

		if (class < 0)
			return class;
		cache->class_of[level] = class;
		cache->class[class].per_map++;
	}
	return 0;
}

static int topup_class(struct lodge_stage2_cache *cache,
		       struct lodge_stage2_cache_class *class,
		       unsigned int want, gfp_t gfp)
{
	while (class->count < want) {
		struct lodge_stage2_node *node;

		node = lodge_stage2_cache_new(cache->ops, class->bytes,
					      class->align, gfp);
		if (!node)
			return -ENOMEM;
		class->node[class->count++] = node;
	}
	return 0;
}

/**
 * lodge_stage2_cache_topup - stock enough tables
 * @cache: the cache
 * @maps: number of map calls that must not run out; what exceeds the cache's
 *	capacity is not stocked
 * @gfp: how to allocate, GFP_KERNEL_ACCOUNT for a vCPU
 *
 * Context: may sleep if @gfp does; the thread the cache belongs to.
 * Return: 0, or -ENOMEM (what was allocated stays in the cache).
 */
int lodge_stage2_cache_topup(struct lodge_stage2_cache *cache,
			     unsigned int maps, gfp_t gfp)
{
	unsigned int i;

	maps = min_t(unsigned int, maps, LODGE_STAGE2_CACHE_MAX);
	for (i = 0; i < cache->classes; i++) {
		struct lodge_stage2_cache_class *class = &cache->class[i];
		unsigned int want = min_t(unsigned int, maps * class->per_map,
					  LODGE_STAGE2_CACHE_MAX);
		int err = topup_class(cache, class, want, gfp);

		if (err)
			return err;
	}
	return 0;
}

/**
 * lodge_stage2_cache_destroy - free what a cache holds
 * @cache: the cache; empty afterwards, and usable. All zero is fine
 *
 * Context: process; the thread the cache belongs to.
 */
void lodge_stage2_cache_destroy(struct lodge_stage2_cache *cache)
{
	unsigned int i;

	for (i = 0; i < cache->classes; i++) {
		struct lodge_stage2_cache_class *class = &cache->class[i];

		while (class->count)
			lodge_stage2_cache_free(class->node[--class->count]);
	}
}

/**
 * lodge_stage2_cache_take - take a table out
 * @cache: the cache
 * @level: level of the table
 *
 * Context: any, under the stage-2 lock.
 * Return: the node, its table zeroed; NULL if the cache is empty.
 */
struct lodge_stage2_node *
lodge_stage2_cache_take(struct lodge_stage2_cache *cache, unsigned int level)
{
	struct lodge_stage2_cache_class *class =
		&cache->class[cache->class_of[level]];

	return class->count ? class->node[--class->count] : NULL;
}

/**
 * lodge_stage2_cache_give - put a table back that was not used
 * @cache: the cache it was taken from
 * @level: level it was taken for
 * @node: the node, its table all zero
 *
 * Context: any, under the stage-2 lock.
 */
void lodge_stage2_cache_give(struct lodge_stage2_cache *cache,
			     unsigned int level,
			     struct lodge_stage2_node *node)
{
	struct lodge_stage2_cache_class *class =
		&cache->class[cache->class_of[level]];

	class->node[class->count++] = node;
}
