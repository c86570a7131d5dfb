/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One stage-2 page table for every architecture: a radix tree with a format.
 *
 * The engine knows neither the VM nor the architecture. The format says what
 * a level looks like and how an entry is encoded; the operations say where
 * tables come from, how to flush and how to yield. Nothing else may look at
 * an entry.
 *
 * Locking. The owner has one rwlock; each function below says which side it
 * needs. The shared side is enough for everything that only changes entries
 * one by one (compare-exchange); what detaches tables needs the exclusive
 * side. Exclusive satisfies shared, except where a function may yield: it
 * drops and retakes the side it documents, so the caller must hold that one.
 * lodge_stage2_lookup() needs no lock at all: tables are freed after an RCU
 * grace period.
 *
 * Flushing. A function that returns "flush needed" has made translations
 * stale. The owner flushes before it drops the lock: holding the lock keeps
 * the grace period open, so hardware never walks a table that was freed.
 *
 * Addresses are bytes; ranges are [start, end). A range that covers part of a
 * leaf acts on the whole leaf. Nothing assumes that the smallest page of a
 * format is the host's page.
 */
#ifndef LODGE_STAGE2_H
#define LODGE_STAGE2_H

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/llist.h>
#include <linux/types.h>

#include "types.h"

#define LODGE_STAGE2_MAX_LEVELS		6
#define LODGE_STAGE2_MAX_CLASSES	3	/* table sizes below the root */
#define LODGE_STAGE2_CACHE_MAX		32	/* tables a cache holds per size */

/**
 * enum lodge_stage2_kind - what an entry is
 * @LODGE_STAGE2_ABSENT: nothing; all bits zero in every format
 * @LODGE_STAGE2_FROZEN: being replaced, or in a dead table; try again
 * @LODGE_STAGE2_MMIO: known to have no memory behind it (see generation)
 * @LODGE_STAGE2_TABLE: points to the next table
 * @LODGE_STAGE2_LEAF: maps a page
 */
enum lodge_stage2_kind {
	LODGE_STAGE2_ABSENT,
	LODGE_STAGE2_FROZEN,
	LODGE_STAGE2_MMIO,
	LODGE_STAGE2_TABLE,
	LODGE_STAGE2_LEAF,
};

/**
 * enum lodge_stage2_memtype - memory type of a leaf
 * @LODGE_STAGE2_MEM_NORMAL: host RAM, write-back
 * @LODGE_STAGE2_MEM_DEVICE: not RAM, uncached
 * @LODGE_STAGE2_MEM_WC: not RAM, write-combining
 */
enum lodge_stage2_memtype {
	LODGE_STAGE2_MEM_NORMAL,
	LODGE_STAGE2_MEM_DEVICE,
	LODGE_STAGE2_MEM_WC,
};

/**
 * struct lodge_stage2_attr - what a leaf allows and has seen
 * @readable: reads allowed
 * @writable: writes allowed
 * @executable: instruction fetch allowed
 * @accessed: used since last aged
 * @dirty: written since last cleaned
 * @host_writable: the host mapping allows writes, whatever @writable says
 *	(a write-protected leaf may get @writable back without asking the host)
 * @memtype: enum lodge_stage2_memtype
 */
struct lodge_stage2_attr {
	u8 readable:1;
	u8 writable:1;
	u8 executable:1;
	u8 accessed:1;
	u8 dirty:1;
	u8 host_writable:1;
	u8 memtype:2;
};

/**
 * struct lodge_stage2_leaf - one entry, decoded
 * @kind: what was found; TABLE is never reported
 * @level: level of the entry (0: smallest page)
 * @hpa: LEAF only: host address of the page's first byte
 * @attr: LEAF only
 * @generation: MMIO only: as given to lodge_stage2_map_mmio()
 * @access: MMIO only: LODGE_ACCESS_*, as given
 */
struct lodge_stage2_leaf {
	enum lodge_stage2_kind kind;
	unsigned int level;
	hpa_t hpa;
	struct lodge_stage2_attr attr;
	u64 generation;
	unsigned int access;
};

/**
 * struct lodge_stage2_level - shape of one level
 * @shift: log2 of what one entry maps, in bytes
 * @index_bits: log2 of the entries in a table; entries are 64 bits wide
 * @table_bytes: size of a table, at least 8 << @index_bits
 * @table_align: alignment of a table, a power of two
 * @leaf: an entry at this level may be a leaf; from level 0 up without a gap
 */
struct lodge_stage2_level {
	u8 shift;
	u8 index_bits;
	bool leaf;
	u32 table_bytes;
	u32 table_align;
};

/**
 * struct lodge_stage2_format - encoding of a radix tree
 * @name: for people
 * @levels: number of levels
 * @hpa_bits: host addresses an entry can hold are below 1 << @hpa_bits
 * @generation_bits: generations an MMIO marker can hold are below 1 << this
 * @break_before_make: translations must be gone before a leaf is replaced by a
 *	table of smaller leaves with the same contents
 * @frozen: the frozen entry
 * @level: shape of each level, 0 is the smallest page, levels - 1 the root
 * @kind: what @entry, found at @level, is
 * @make_table: entry that points to the table at @hpa
 * @table_hpa: reverse of @make_table; 0 if @entry at @level is not a table
 * @make_leaf: entry that maps @hpa with @attr at @level
 * @read_leaf: reverse of @make_leaf: fills in hpa and attr. Reading and making
 *	again must give the same entry, whatever hardware set in it
 * @make_mmio: marker with @generation and @access
 * @read_mmio: reverse of @make_mmio: fills in generation and access
 * @can_map: optional: the format can express @attr (x86 has no unreadable page)
 *
 * An entry is opaque, in the byte order hardware reads; the functions do the
 * swap. They are pure. At most two software bits of a leaf are used.
 */
struct lodge_stage2_format {
	const char *name;
	unsigned int levels;
	unsigned int hpa_bits;
	unsigned int generation_bits;
	bool break_before_make;
	u64 frozen;
	struct lodge_stage2_level level[LODGE_STAGE2_MAX_LEVELS];

	enum lodge_stage2_kind (*kind)(u64 entry, unsigned int level);
	u64 (*make_table)(hpa_t hpa, unsigned int level);
	hpa_t (*table_hpa)(u64 entry, unsigned int level);
	u64 (*make_leaf)(hpa_t hpa, struct lodge_stage2_attr attr,
			 unsigned int level);
	void (*read_leaf)(u64 entry, unsigned int level,
			  struct lodge_stage2_leaf *leaf);
	u64 (*make_mmio)(u64 generation, unsigned int access);
	void (*read_mmio)(u64 entry, struct lodge_stage2_leaf *leaf);
	bool (*can_map)(struct lodge_stage2_attr attr);
};

/**
 * struct lodge_stage2_ops - what the owner of a tree supplies
 * @alloc_table: zeroed memory in the kernel's linear mapping, counted as
 *	secondary page table; may sleep if @gfp does
 * @free_table: gives it back; runs after the grace period, in RCU's context,
 *	perhaps after the tree and its owner are gone
 * @flush_range: makes hardware forget translations and table pointers for the
 *	range, on return; called with the lock held, either side
 * @assert_locked: optional: lockdep assertion, @exclusive or either side
 * @should_yield: optional: somebody wants the lock or the CPU
 * @yield: optional: drops the lock, lets others run, takes it again; nothing
 *	is pending then. @exclusive names the side. Both yield operations are
 *	there or none
 * @leaf_gone: optional: the leaf that mapped @gpa is gone, or is no longer
 *	writable or dirty; @leaf is what it was, so that the owner can pass
 *	dirty and accessed on to the host page. Called under the lock
 */
struct lodge_stage2_ops {
	void *(*alloc_table)(size_t bytes, size_t align, gfp_t gfp);
	void (*free_table)(void *table, size_t bytes);
	void (*flush_range)(void *ctx, gpa_t start, gpa_t end);
	void (*assert_locked)(void *ctx, bool exclusive);
	bool (*should_yield)(void *ctx);
	void (*yield)(void *ctx, bool exclusive);
	void (*leaf_gone)(void *ctx, gpa_t gpa, unsigned int level,
			  const struct lodge_stage2_leaf *leaf);
};

struct lodge_stage2_node;

/**
 * struct lodge_stage2_cache - tables ready for use under the lock
 * @fmt: format the tables are for
 * @ops: where they come from
 * @classes: number of table sizes below the root
 * @class_of: size class of each level's tables (root excluded)
 * @class: per size class: size, alignment, tables one map may need, and stock
 *
 * Belongs to one thread (a vCPU), which tops it up before it takes the lock.
 */
struct lodge_stage2_cache {
	const struct lodge_stage2_format *fmt;
	const struct lodge_stage2_ops *ops;
	unsigned int classes;
	u8 class_of[LODGE_STAGE2_MAX_LEVELS];
	struct lodge_stage2_cache_class {
		u32 bytes;
		u32 align;
		unsigned int per_map;
		unsigned int count;
		struct lodge_stage2_node *node[LODGE_STAGE2_CACHE_MAX];
	} class[LODGE_STAGE2_MAX_CLASSES];
};

/**
 * struct lodge_stage2 - one tree
 * @fmt: its format
 * @ops: its owner's operations
 * @ctx: handed to the operations
 * @root: address of the root table, for hardware; never changes
 * @root_table: the same in the linear mapping
 * @nodes: one node for each live table, for when it is freed
 * @pages: leaves mapped, per level
 * @tables: live tables, the root included
 */
struct lodge_stage2 {
	const struct lodge_stage2_format *fmt;
	const struct lodge_stage2_ops *ops;
	void *ctx;
	hpa_t root;
	u64 *root_table;
	struct llist_head nodes;
	atomic_long_t pages[LODGE_STAGE2_MAX_LEVELS];
	atomic_long_t tables;
};

int lodge_stage2_cache_init(struct lodge_stage2_cache *cache,
			    const struct lodge_stage2_format *fmt,
			    const struct lodge_stage2_ops *ops);
/* True if there is nothing to stock for one map: no need to call the function below. */
static inline bool lodge_stage2_cache_ready(const struct lodge_stage2_cache *cache)
{
	unsigned int i;

	for (i = 0; i < cache->classes; i++)
		if (cache->class[i].count < cache->class[i].per_map)
			return false;
	return true;
}

int lodge_stage2_cache_topup(struct lodge_stage2_cache *cache,
			     unsigned int maps, gfp_t gfp);
void lodge_stage2_cache_destroy(struct lodge_stage2_cache *cache);

int lodge_stage2_init(struct lodge_stage2 *s2,
		      const struct lodge_stage2_format *fmt,
		      const struct lodge_stage2_ops *ops, void *ctx, gfp_t gfp);
void lodge_stage2_destroy(struct lodge_stage2 *s2);
gpa_t lodge_stage2_limit(const struct lodge_stage2_format *fmt);

/* No lock. */
int lodge_stage2_lookup(struct lodge_stage2 *s2, gpa_t gpa,
			struct lodge_stage2_leaf *out);

/* Shared side. */
int lodge_stage2_map(struct lodge_stage2 *s2, struct lodge_stage2_cache *cache,
		     gpa_t gpa, unsigned int level, hpa_t hpa,
		     struct lodge_stage2_attr attr);
int lodge_stage2_map_mmio(struct lodge_stage2 *s2,
			  struct lodge_stage2_cache *cache, gpa_t gpa,
			  u64 generation, unsigned int access);
int lodge_stage2_make_writable(struct lodge_stage2 *s2, gpa_t gpa,
			       unsigned int max_level);
bool lodge_stage2_age(struct lodge_stage2 *s2, gpa_t start, gpa_t end);
bool lodge_stage2_test_young(struct lodge_stage2 *s2, gpa_t start, gpa_t end);
bool lodge_stage2_wrprotect(struct lodge_stage2 *s2, gpa_t start, gpa_t end,
			    unsigned int min_level, bool may_yield);
bool lodge_stage2_wrprotect_mask(struct lodge_stage2 *s2, gpa_t gpa_base,
				 unsigned long mask);
bool lodge_stage2_clear_dirty_mask(struct lodge_stage2 *s2, gpa_t gpa_base,
				   unsigned long mask);
int lodge_stage2_split(struct lodge_stage2 *s2,
		       struct lodge_stage2_cache *cache, gpa_t *start,
		       gpa_t end, unsigned int target_level);

/* Exclusive side. */
bool lodge_stage2_unmap(struct lodge_stage2 *s2, gpa_t start, gpa_t end,
			bool may_yield);
bool lodge_stage2_collapse(struct lodge_stage2 *s2, gpa_t start, gpa_t end,
			   bool may_yield);

#endif
