// SPDX-License-Identifier: GPL-2.0
/*
 * The stage-2 page table: a radix tree whose format the architecture supplies.
 *
 * Entries are changed one by one with compare-exchange, since hardware sets
 * accessed and dirty bits at any time and, on the shared side of the owner's
 * lock, other vCPUs fault beside us. Tables are only added on the shared side
 * and only detached on the exclusive one. See stage2.h for the rules.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/processor.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "stage2.h"
#include "stage2_cache.h"
#include "stage2_entry.h"

/* Shape */

/**
 * lodge_stage2_limit - first guest address a format cannot map
 * @fmt: the format
 *
 * Context: any.
 * Return: the address, bytes.
 */
gpa_t lodge_stage2_limit(const struct lodge_stage2_format *fmt)
{
	const struct lodge_stage2_level *root = &fmt->level[fmt->levels - 1];

	return 1ULL << (root->shift + root->index_bits);
}

static bool level_is_sound(const struct lodge_stage2_format *fmt,
			   unsigned int i)
{
	const struct lodge_stage2_level *level = &fmt->level[i];
	const struct lodge_stage2_level *below = level - 1;

	if (level->table_bytes < sizeof(u64) << level->index_bits ||
	    level->shift + level->index_bits > 63)
		return false;
	if (!i)
		return level->leaf;
	return level->shift == below->shift + below->index_bits &&
	       (!level->leaf || below->leaf);
}

static bool format_is_sound(const struct lodge_stage2_format *fmt)
{
	unsigned int i;

	if (fmt->levels < 2 || fmt->levels > LODGE_STAGE2_MAX_LEVELS)
		return false;
	for (i = 0; i < fmt->levels; i++)
		if (!level_is_sound(fmt, i))
			return false;
	return fmt->kind(fmt->frozen, 0) == LODGE_STAGE2_FROZEN;
}

/**
 * lodge_stage2_init - an empty tree
 * @s2: to set up
 * @fmt: its format
 * @ops: its owner's operations
 * @ctx: handed to them
 * @gfp: how to allocate the root, GFP_KERNEL_ACCOUNT for a VM
 *
 * Context: may sleep if @gfp does.
 * Return: 0; -EINVAL if the format is unsound; -ENOMEM. On error @s2 is all
 * zero, which lodge_stage2_destroy() accepts.
 */
int lodge_stage2_init(struct lodge_stage2 *s2,
		      const struct lodge_stage2_format *fmt,
		      const struct lodge_stage2_ops *ops, void *ctx, gfp_t gfp)
{
	const struct lodge_stage2_level *root;
	struct lodge_stage2_node *node;

	memset(s2, 0, sizeof(*s2));
	if (!format_is_sound(fmt))
		return -EINVAL;
	root = &fmt->level[fmt->levels - 1];
	node = lodge_stage2_cache_new(ops, root->table_bytes,
				      root->table_align, gfp);
	if (!node)
		return -ENOMEM;
	s2->fmt = fmt;
	s2->ops = ops;
	s2->ctx = ctx;
	s2->root_table = node->table;
	s2->root = virt_to_phys(s2->root_table);
	init_llist_head(&s2->nodes);
	adopt_table(s2, node);
	return 0;
}

/* Mapping */

/**
 * struct map - one request to map
 * @s2: the tree
 * @cache: tables to use
 * @gpa: where, aligned to the page
 * @want: what: level, hpa and attr, or an MMIO marker
 * @entry: @want as an entry
 */
struct map {
	struct lodge_stage2 *s2;
	struct lodge_stage2_cache *cache;
	gpa_t gpa;
	struct lodge_stage2_leaf want;
	u64 entry;
};

static bool attr_allows(struct lodge_stage2_attr have,
			struct lodge_stage2_attr want)
{
	return have.readable >= want.readable &&
	       have.writable >= want.writable &&
	       have.executable >= want.executable;
}

static struct lodge_stage2_attr attr_union(struct lodge_stage2_attr a,
					   struct lodge_stage2_attr b)
{
	a.readable |= b.readable;
	a.writable |= b.writable;
	a.executable |= b.executable;
	a.accessed |= b.accessed;
	a.dirty |= b.dirty;
	a.host_writable |= b.host_writable;
	return a;
}

static bool same_memory(const struct map *m,
			const struct lodge_stage2_leaf *have)
{
	gpa_t offset = m->gpa & (entry_size(m->s2->fmt, have->level) - 1);

	return have->hpa + offset == m->want.hpa &&
	       have->attr.memtype == m->want.attr.memtype;
}

/* Returns 0 if changed, 1 if there is nothing to change, LODGE_STAGE2_RACED. */
static int upgrade_leaf(struct map *m, u64 *p, u64 entry,
			const struct lodge_stage2_leaf *have,
			struct lodge_stage2_attr attr)
{
	u64 new = m->s2->fmt->make_leaf(have->hpa, attr, have->level);

	if (new == entry)
		return 1;
	return try_cmpxchg64(p, &entry, new) ? 0 : LODGE_STAGE2_RACED;
}

/*
 * A leaf larger than what is wanted stays if it serves the access; it is split
 * if it maps the same memory with too little permission.
 */
static int meet_larger_leaf(struct map *m, unsigned int level, u64 *p,
			    u64 entry)
{
	struct lodge_stage2 *s2 = m->s2;
	struct lodge_stage2_leaf have;

	if (m->want.kind == LODGE_STAGE2_MMIO)
		return -EEXIST;
	read_leaf(s2->fmt, entry, level, &have);
	if (same_memory(m, &have)) {
		struct lodge_stage2_attr attr = have.attr;

		if (!attr_allows(attr, m->want.attr))
			return lodge_stage2_entry_split(s2, m->cache, m->gpa, level, p, entry);
		attr.accessed |= m->want.attr.accessed;
		attr.dirty |= m->want.attr.dirty;
		return upgrade_leaf(m, p, entry, &have, attr);
	}
	if (lodge_stage2_entry_freeze(s2, p, entry, m->gpa, level)) {
		lodge_stage2_entry_forget(s2, entry, entry_base(s2->fmt, m->gpa, level), level);
		smp_store_release(p, 0);
	}
	return LODGE_STAGE2_RACED;
}

static int link_table(struct map *m, unsigned int level, u64 *p, u64 entry)
{
	struct lodge_stage2_node *node;
	u64 new;

	node = lodge_stage2_cache_take(m->cache, level - 1);
	if (!node)
		return -ENOMEM;
	new = m->s2->fmt->make_table(virt_to_phys(node->table), level);
	if (try_cmpxchg64(p, &entry, new))
		adopt_table(m->s2, node);
	else
		lodge_stage2_cache_give(m->cache, level - 1, node);
	return LODGE_STAGE2_RACED;
}

/* Goes on until *@p points to a table, or there is no need or no way. */
static int step_down(struct map *m, unsigned int level, u64 *p, u64 **table)
{
	const struct lodge_stage2_format *fmt = m->s2->fmt;
	int ret = LODGE_STAGE2_RACED;

	while (ret == LODGE_STAGE2_RACED) {
		u64 entry = READ_ONCE(*p);

		*table = table_of(fmt, entry, level);
		if (*table)
			return 0;
		switch (kind_of(fmt, entry, level)) {
		case LODGE_STAGE2_FROZEN:
			return -EAGAIN;
		case LODGE_STAGE2_LEAF:
			ret = meet_larger_leaf(m, level, p, entry);
			break;
		default:
			ret = link_table(m, level, p, entry);
		}
	}
	return ret ?: 1;
}

static int replace_leaf(struct map *m, u64 *p, u64 entry)
{
	struct lodge_stage2 *s2 = m->s2;
	unsigned int level = m->want.level;
	struct lodge_stage2_leaf have;

	if (m->want.kind == LODGE_STAGE2_MMIO)
		return -EEXIST;
	read_leaf(s2->fmt, entry, level, &have);
	if (same_memory(m, &have))
		return upgrade_leaf(m, p, entry, &have,
				    attr_union(have.attr, m->want.attr));
	/*
	 * The owner has checked that its view is current, so the old leaf is
	 * the stale one, whoever failed to remove it.
	 */
	if (!lodge_stage2_entry_freeze(s2, p, entry, m->gpa, level))
		return LODGE_STAGE2_RACED;
	tell_leaf_gone(s2, m->gpa, level, &have);
	smp_store_release(p, m->entry);
	return 0;
}

static int replace_nothing(struct map *m, u64 *p, u64 entry)
{
	if (entry == m->entry)
		return 1;
	if (!try_cmpxchg64(p, &entry, m->entry))
		return LODGE_STAGE2_RACED;
	if (m->want.kind == LODGE_STAGE2_LEAF)
		count_leaves(m->s2, m->want.level, 1);
	return 0;
}

static int install(struct map *m, u64 *p)
{
	int ret = LODGE_STAGE2_RACED;

	while (ret == LODGE_STAGE2_RACED) {
		u64 entry = READ_ONCE(*p);

		switch (kind_of(m->s2->fmt, entry, m->want.level)) {
		case LODGE_STAGE2_FROZEN:
			return -EAGAIN;
		case LODGE_STAGE2_TABLE:
			return -EEXIST;
		case LODGE_STAGE2_LEAF:
			ret = replace_leaf(m, p, entry);
			break;
		default:
			ret = replace_nothing(m, p, entry);
		}
	}
	return ret;
}

static int map(struct map *m)
{
	const struct lodge_stage2_format *fmt = m->s2->fmt;
	unsigned int level = fmt->levels - 1;
	u64 *table = m->s2->root_table;

	for (; level > m->want.level; level--) {
		u64 *p = entry_of(fmt, table, m->gpa, level);
		int ret = step_down(m, level, p, &table);

		if (ret)
			return ret;
	}
	return install(m, entry_of(fmt, table, m->gpa, level));
}

static void assert_locked(struct lodge_stage2 *s2, bool exclusive)
{
	if (s2->ops->assert_locked)
		s2->ops->assert_locked(s2->ctx, exclusive);
}

static int check_map(const struct lodge_stage2_format *fmt, gpa_t gpa,
		     unsigned int level, hpa_t hpa,
		     struct lodge_stage2_attr attr)
{
	if (level >= fmt->levels || !fmt->level[level].leaf)
		return -EINVAL;
	if ((gpa ^ hpa) & (entry_size(fmt, level) - 1))
		return -EINVAL;
	if (hpa >> fmt->hpa_bits || (fmt->can_map && !fmt->can_map(attr)))
		return -EINVAL;
	return gpa < lodge_stage2_limit(fmt) ? 0 : -ERANGE;
}

/**
 * lodge_stage2_map - map a page
 * @s2: the tree
 * @cache: topped up for at least one map
 * @gpa: guest address within the page
 * @level: size of the page
 * @hpa: host address that corresponds to @gpa, at the same offset in the page
 * @attr: what to allow
 *
 * Creates the tables on the way. A leaf for the same memory keeps what it
 * allows and gains what @attr adds. A larger leaf for the same memory is left
 * alone if it allows the access, otherwise split. A leaf for other memory is
 * replaced, with a flush: the owner calls this only after it has checked,
 * under the lock, that no invalidation came between look-up and now.
 *
 * Context: lock held, either side.
 * Return: 0 if installed; 1 if it was there already, or a larger leaf serves;
 * -EEXIST if a table is where a leaf is wanted (use a smaller level, or zap the
 * range first); -EAGAIN if somebody is replacing the entry (let the guest fault
 * again); -ENOMEM if the cache ran out (top up, try again); -ERANGE if @gpa is
 * beyond the format; -EINVAL if the format cannot express the leaf or @gpa and
 * @hpa differ in their offset.
 */
int lodge_stage2_map(struct lodge_stage2 *s2, struct lodge_stage2_cache *cache,
		     gpa_t gpa, unsigned int level, hpa_t hpa,
		     struct lodge_stage2_attr attr)
{
	struct map m = { .s2 = s2, .cache = cache };
	int err;

	assert_locked(s2, false);
	err = check_map(s2->fmt, gpa, level, hpa, attr);
	if (err)
		return err;
	m.gpa = entry_base(s2->fmt, gpa, level);
	m.want.kind = LODGE_STAGE2_LEAF;
	m.want.level = level;
	m.want.hpa = entry_base(s2->fmt, hpa, level);
	m.want.attr = attr;
	m.entry = s2->fmt->make_leaf(m.want.hpa, attr, level);
	return map(&m);
}

/**
 * lodge_stage2_map_mmio - remember that there is no memory here
 * @s2: the tree
 * @cache: topped up for at least one map
 * @gpa: guest address within the smallest page
 * @generation: of the slots; a marker of another generation means nothing
 * @access: LODGE_ACCESS_* to keep with it
 *
 * Context: lock held, either side.
 * Return: 0 if installed (over an older marker, too); 1 if it was there;
 * -EEXIST if a leaf is there; -EAGAIN, -ENOMEM as lodge_stage2_map(); -ERANGE
 * if the format cannot hold @gpa or @generation.
 */
int lodge_stage2_map_mmio(struct lodge_stage2 *s2,
			  struct lodge_stage2_cache *cache, gpa_t gpa,
			  u64 generation, unsigned int access)
{
	struct map m = { .s2 = s2, .cache = cache };

	assert_locked(s2, false);
	if (gpa >= lodge_stage2_limit(s2->fmt) ||
	    generation >> s2->fmt->generation_bits)
		return -ERANGE;
	m.gpa = entry_base(s2->fmt, gpa, 0);
	m.want.kind = LODGE_STAGE2_MMIO;
	m.entry = s2->fmt->make_mmio(generation, access);
	return map(&m);
}

/* Looking up one address */

/* The entry that decides about @gpa: the first that is not a table. */
static u64 *find_entry(struct lodge_stage2 *s2, gpa_t gpa, unsigned int *level,
		       u64 *entry)
{
	const struct lodge_stage2_format *fmt = s2->fmt;
	u64 *table = s2->root_table;
	u64 *p;

	for (*level = fmt->levels - 1; ; --*level) {
		p = entry_of(fmt, table, gpa, *level);
		*entry = READ_ONCE(*p);
		table = table_of(fmt, *entry, *level);
		if (!table)
			return p;
	}
}

/**
 * lodge_stage2_lookup - what is at an address
 * @s2: the tree
 * @gpa: guest address
 * @out: the entry, decoded
 *
 * Context: any; no lock needed, but without one the answer may be stale.
 * Return: 0, or -ERANGE if @gpa is beyond the format.
 */
int lodge_stage2_lookup(struct lodge_stage2 *s2, gpa_t gpa,
			struct lodge_stage2_leaf *out)
{
	unsigned int level;
	u64 entry;

	if (gpa >= lodge_stage2_limit(s2->fmt))
		return -ERANGE;
	rcu_read_lock();
	find_entry(s2, gpa, &level, &entry);
	rcu_read_unlock();

	*out = (struct lodge_stage2_leaf) {
		.kind = kind_of(s2->fmt, entry, level),
		.level = level,
	};
	if (out->kind == LODGE_STAGE2_LEAF)
		s2->fmt->read_leaf(entry, level, out);
	else if (out->kind == LODGE_STAGE2_MMIO)
		s2->fmt->read_mmio(entry, out);
	return 0;
}

/**
 * lodge_stage2_make_writable - give a write-protected leaf its writes back
 * @s2: the tree
 * @gpa: guest address
 * @max_level: largest leaf to touch, 0 while dirty pages are logged
 *
 * The short way for a write fault on a page that the host lets us write. The
 * leaf becomes writable, accessed and dirty. The owner marks the page dirty in
 * its own books, under the same hold of the lock.
 *
 * Context: lock held, either side.
 * Return: 0; -ENOENT if there is no leaf; -EPERM if the host has to be asked;
 * -EAGAIN if the leaf is larger than @max_level or being replaced; -ERANGE.
 */
int lodge_stage2_make_writable(struct lodge_stage2 *s2, gpa_t gpa,
			       unsigned int max_level)
{
	struct lodge_stage2_leaf leaf;
	unsigned int level;
	u64 entry, *p;

	assert_locked(s2, false);
	if (gpa >= lodge_stage2_limit(s2->fmt))
		return -ERANGE;
	do {
		p = find_entry(s2, gpa, &level, &entry);
		switch (kind_of(s2->fmt, entry, level)) {
		case LODGE_STAGE2_LEAF:
			break;
		case LODGE_STAGE2_FROZEN:
			return -EAGAIN;
		default:
			return -ENOENT;
		}
		read_leaf(s2->fmt, entry, level, &leaf);
		if (!leaf.attr.host_writable)
			return -EPERM;
		if (level > max_level)
			return -EAGAIN;
		leaf.attr.writable = 1;
		leaf.attr.accessed = 1;
		leaf.attr.dirty = 1;
	} while (!try_cmpxchg64(p, &entry,
				s2->fmt->make_leaf(leaf.hpa, leaf.attr, level)));
	return 0;
}

/* Walking a range */

enum verdict {
	DONE,		/* with this entry */
	AGAIN,		/* it changed under us, look at it again */
	STOP,		/* the walk */
};

/**
 * struct walk - a walk over a range
 * @s2: the tree
 * @visit: called for every entry in the range that is neither a table nor
 *	absent
 * @start: the range, as asked for
 * @end: its end
 * @next: where to go on; moves only when the walk stops early
 * @min_level: entries below this level are not of interest
 * @drop_level: tables wholly in the range are detached by the entry that holds
 *	them if it is at most at this level; 0: none are
 * @exclusive: side of the lock
 * @may_pause: stop where somebody else wants the lock
 * @paused: stopped for that reason
 * @progressed: something was done since the walk (re)started, so it may pause
 * @flush_start: what the owner or we must flush
 * @flush_end: its end; 0 if there is nothing to flush
 * @mask: which smallest pages from @start on, if @use_mask
 * @use_mask: see @mask
 * @young: age: an accessed leaf was found
 * @cache: split: tables to use
 * @err: split: why it stopped
 */
struct walk {
	struct lodge_stage2 *s2;
	enum verdict (*visit)(struct walk *w, gpa_t gpa, unsigned int level,
			      u64 *p, u64 entry);
	gpa_t start;
	gpa_t end;
	gpa_t next;
	unsigned int min_level;
	unsigned int drop_level;
	bool exclusive;
	bool may_pause;
	bool paused;
	bool progressed;
	gpa_t flush_start;
	gpa_t flush_end;
	unsigned long mask;
	bool use_mask;
	bool young;
	struct lodge_stage2_cache *cache;
	int err;
};

static void need_flush(struct walk *w, gpa_t gpa, unsigned int level)
{
	gpa_t end = gpa + entry_size(w->s2->fmt, level);

	w->flush_start = w->flush_end ? min(w->flush_start, gpa) : gpa;
	w->flush_end = max(w->flush_end, end);
}

/*
 * Clears a table that nothing points to any more, and all below it. Hardware
 * may still walk it until the flush, so what it says about accessed and dirty
 * is taken out with an exchange; readers without a lock find frozen entries.
 */
static void drop_table(struct lodge_stage2 *s2, u64 *table, unsigned int level,
		       gpa_t gpa, bool may_sleep)
{
	const struct lodge_stage2_format *fmt = s2->fmt;
	unsigned int i;

	for (i = 0; i < table_entries(fmt, level); i++) {
		gpa_t at = gpa + i * entry_size(fmt, level);
		u64 entry, *below;

		if (!READ_ONCE(table[i])) {
			WRITE_ONCE(table[i], fmt->frozen);
			continue;
		}
		entry = xchg(&table[i], fmt->frozen);
		below = table_of(fmt, entry, level);
		if (below)
			drop_table(s2, below, level - 1, at, may_sleep);
		else
			lodge_stage2_entry_forget(s2, entry, at, level);
	}
	lodge_stage2_entry_disown(s2, table, level);
	if (may_sleep)
		cond_resched();
}

static bool drops(struct walk *w, gpa_t gpa, unsigned int level)
{
	return level <= w->drop_level && gpa >= w->start &&
	       gpa + entry_size(w->s2->fmt, level) <= w->end;
}

static void detach_table(struct walk *w, gpa_t gpa, unsigned int level, u64 *p,
			 u64 *below)
{
	WRITE_ONCE(*p, 0);
	need_flush(w, gpa, level);
	drop_table(w->s2, below, level - 1, gpa, false);
}

static bool due_to_pause(struct walk *w)
{
	return w->may_pause && w->progressed && w->s2->ops->should_yield &&
	       w->s2->ops->should_yield(w->s2->ctx);
}

static bool walk_table(struct walk *w, u64 *table, unsigned int level,
		       gpa_t gpa);

/*
 * A table of smallest pages goes as one piece; larger ones are emptied first,
 * with pauses, and what others put there meanwhile goes with them.
 */
static bool walk_below(struct walk *w, gpa_t gpa, unsigned int level, u64 *p,
		       u64 *below)
{
	bool drop = drops(w, gpa, level);

	if (drop && level == 1)
		detach_table(w, gpa, level, p, below);
	else if (level > w->min_level && !walk_table(w, below, level - 1, gpa))
		return false;
	else if (drop)
		detach_table(w, gpa, level, p, below);
	return true;
}

/* Returns false if the walk stops before it is done with the entry. */
static bool walk_entry(struct walk *w, gpa_t gpa, unsigned int level, u64 *p)
{
	for (;;) {
		u64 entry = READ_ONCE(*p);
		u64 *below = table_of(w->s2->fmt, entry, level);

		if (below)
			return walk_below(w, gpa, level, p, below);
		if (!entry || level < w->min_level)
			return true;
		switch (w->visit(w, gpa, level, p, entry)) {
		case DONE:
			return true;
		case STOP:
			return false;
		case AGAIN:
			cpu_relax();
		}
	}
}

/* @gpa: what the table's first entry maps. False if the walk stops. */
static bool walk_table(struct walk *w, u64 *table, unsigned int level,
		       gpa_t gpa)
{
	const struct lodge_stage2_format *fmt = w->s2->fmt;
	gpa_t size = entry_size(fmt, level);
	gpa_t end = min(w->end, gpa + table_entries(fmt, level) * size);
	gpa_t at;

	for (at = entry_base(fmt, max(gpa, w->next), level); at < end; at += size) {
		u64 *p = entry_of(fmt, table, at, level);

		if (level && READ_ONCE(*p) && due_to_pause(w)) {
			w->paused = true;
			w->next = max(at, w->next);
			return false;
		}
		if (!walk_entry(w, at, level, p)) {
			w->next = max(at, w->next);
			return false;
		}
		if (level)
			w->progressed = true;
	}
	return true;
}

/* Nothing may be pending when others get the lock. */
static void pause_walk(struct walk *w)
{
	struct lodge_stage2 *s2 = w->s2;

	if (w->flush_end)
		s2->ops->flush_range(s2->ctx, w->flush_start, w->flush_end);
	w->flush_end = 0;
	s2->ops->yield(s2->ctx, w->exclusive);
	w->paused = false;
	w->progressed = false;
}

static void walk_once(struct walk *w)
{
	assert_locked(w->s2, w->exclusive);
	w->end = min(w->end, lodge_stage2_limit(w->s2->fmt));
	w->next = w->start;
	if (w->start < w->end)
		walk_table(w, w->s2->root_table, w->s2->fmt->levels - 1, 0);
}

/*
 * After a pause the walk starts again from the root, at the first address not
 * done with: tables it had passed through may be gone.
 * Returns true if the owner has to flush.
 */
static bool walk_range(struct walk *w)
{
	walk_once(w);
	while (w->paused) {
		pause_walk(w);
		walk_table(w, w->s2->root_table, w->s2->fmt->levels - 1, 0);
	}
	return w->flush_end;
}

/* Changes a leaf unless somebody else did. */
static enum verdict change_leaf(struct walk *w, u64 *p, u64 entry,
				const struct lodge_stage2_leaf *leaf,
				struct lodge_stage2_attr attr)
{
	u64 new = w->s2->fmt->make_leaf(leaf->hpa, attr, leaf->level);

	return try_cmpxchg64(p, &entry, new) ? DONE : AGAIN;
}

static enum verdict visit_age(struct walk *w, gpa_t gpa, unsigned int level,
			      u64 *p, u64 entry)
{
	struct lodge_stage2_leaf leaf;
	struct lodge_stage2_attr attr;

	if (kind_of(w->s2->fmt, entry, level) != LODGE_STAGE2_LEAF)
		return DONE;
	read_leaf(w->s2->fmt, entry, level, &leaf);
	if (!leaf.attr.accessed)
		return DONE;
	attr = leaf.attr;
	attr.accessed = 0;
	if (change_leaf(w, p, entry, &leaf, attr) == AGAIN)
		return AGAIN;
	w->young = true;
	return DONE;
}

static enum verdict visit_test_young(struct walk *w, gpa_t gpa,
				     unsigned int level, u64 *p, u64 entry)
{
	struct lodge_stage2_leaf leaf;

	if (kind_of(w->s2->fmt, entry, level) != LODGE_STAGE2_LEAF)
		return DONE;
	read_leaf(w->s2->fmt, entry, level, &leaf);
	w->young = leaf.attr.accessed;
	return w->young ? STOP : DONE;
}

/**
 * lodge_stage2_age - test and clear accessed
 * @s2: the tree
 * @start: range
 * @end: its end
 *
 * Does not flush: hardware may go on for a while without setting it again.
 *
 * Context: lock held, either side; does not yield.
 * Return: true if any leaf in the range was accessed.
 */
bool lodge_stage2_age(struct lodge_stage2 *s2, gpa_t start, gpa_t end)
{
	struct walk w = {
		.s2 = s2, .start = start, .end = end, .visit = visit_age,
	};

	walk_range(&w);
	return w.young;
}

/**
 * lodge_stage2_test_young - test accessed
 * @s2: the tree
 * @start: range
 * @end: its end
 *
 * Context: lock held, either side; does not yield.
 * Return: true if any leaf in the range was accessed.
 */
bool lodge_stage2_test_young(struct lodge_stage2 *s2, gpa_t start, gpa_t end)
{
	struct walk w = {
		.s2 = s2, .start = start, .end = end, .visit = visit_test_young,
	};

	walk_range(&w);
	return w.young;
}

static bool mask_has(const struct walk *w, gpa_t gpa, unsigned int level)
{
	const struct lodge_stage2_format *fmt = w->s2->fmt;
	gpa_t from, to;

	if (!w->use_mask)
		return true;
	from = max(gpa, w->start) - w->start;
	to = min(gpa + entry_size(fmt, level), w->end) - 1 - w->start;
	return w->mask & GENMASK(to >> fmt->level[0].shift,
				 from >> fmt->level[0].shift);
}

/*
 * Common to write-protection and cleaning. A frozen entry is waited for: what
 * comes after it may be the same page, as it was before. Whoever froze it holds
 * the shared side and does not sleep.
 */
static enum verdict clean_leaf(struct walk *w, gpa_t gpa, unsigned int level,
			       u64 *p, u64 entry, bool keep_writable)
{
	enum lodge_stage2_kind kind = kind_of(w->s2->fmt, entry, level);
	struct lodge_stage2_leaf leaf;
	struct lodge_stage2_attr attr;

	if (kind == LODGE_STAGE2_FROZEN)
		return AGAIN;
	if (kind != LODGE_STAGE2_LEAF || !mask_has(w, gpa, level))
		return DONE;
	read_leaf(w->s2->fmt, entry, level, &leaf);
	attr = leaf.attr;
	attr.dirty = 0;
	attr.writable &= keep_writable;
	if (attr.dirty == leaf.attr.dirty && attr.writable == leaf.attr.writable)
		return DONE;
	if (change_leaf(w, p, entry, &leaf, attr) == AGAIN)
		return AGAIN;
	tell_leaf_gone(w->s2, gpa, level, &leaf);
	need_flush(w, gpa, level);
	return DONE;
}

static enum verdict visit_wrprotect(struct walk *w, gpa_t gpa,
				    unsigned int level, u64 *p, u64 entry)
{
	return clean_leaf(w, gpa, level, p, entry, false);
}

static enum verdict visit_clear_dirty(struct walk *w, gpa_t gpa,
				      unsigned int level, u64 *p, u64 entry)
{
	return clean_leaf(w, gpa, level, p, entry, true);
}

/**
 * lodge_stage2_wrprotect - take write permission away
 * @s2: the tree
 * @start: range
 * @end: its end
 * @min_level: smallest pages to protect; 0 for all
 * @may_yield: may drop and retake the lock, shared side
 *
 * The leaves are clean afterwards; leaf_gone() learns what they were.
 *
 * Context: lock held, either side; the shared one if @may_yield.
 * Return: true if a flush is needed; it must cover whole leaves.
 */
bool lodge_stage2_wrprotect(struct lodge_stage2 *s2, gpa_t start, gpa_t end,
			    unsigned int min_level, bool may_yield)
{
	struct walk w = {
		.s2 = s2, .start = start, .end = end, .visit = visit_wrprotect,
		.min_level = min_level, .may_pause = may_yield,
	};

	return walk_range(&w);
}

static bool walk_mask(struct walk *w, unsigned long mask)
{
	unsigned int shift = w->s2->fmt->level[0].shift;
	unsigned int first;

	if (!mask)
		return false;
	first = __ffs(mask);
	w->use_mask = true;
	w->mask = mask >> first;
	w->start += (gpa_t)first << shift;
	w->end = w->start + ((gpa_t)(__fls(w->mask) + 1) << shift);
	return walk_range(w);
}

/**
 * lodge_stage2_wrprotect_mask - take write permission away, page by page
 * @s2: the tree
 * @gpa_base: address of the page of bit 0, aligned to the smallest page
 * @mask: bit i stands for the i-th smallest page from @gpa_base on
 *
 * As lodge_stage2_wrprotect() otherwise.
 *
 * Context: lock held, either side; does not yield.
 * Return: true if a flush is needed; it must cover whole leaves.
 */
bool lodge_stage2_wrprotect_mask(struct lodge_stage2 *s2, gpa_t gpa_base,
				 unsigned long mask)
{
	struct walk w = {
		.s2 = s2, .start = gpa_base, .visit = visit_wrprotect,
	};

	return walk_mask(&w, mask);
}

/**
 * lodge_stage2_clear_dirty_mask - clear the dirty state, page by page
 * @s2: the tree
 * @gpa_base: address of the page of bit 0, aligned to the smallest page
 * @mask: bit i stands for the i-th smallest page from @gpa_base on
 *
 * The leaves stay writable; leaf_gone() learns what they were.
 *
 * Context: lock held, either side; does not yield.
 * Return: true if a flush is needed (or hardware does not set dirty again); it
 * must cover whole leaves.
 */
bool lodge_stage2_clear_dirty_mask(struct lodge_stage2 *s2, gpa_t gpa_base,
				   unsigned long mask)
{
	struct walk w = {
		.s2 = s2, .start = gpa_base, .visit = visit_clear_dirty,
	};

	return walk_mask(&w, mask);
}

static enum verdict visit_split(struct walk *w, gpa_t gpa, unsigned int level,
				u64 *p, u64 entry)
{
	enum lodge_stage2_kind kind = kind_of(w->s2->fmt, entry, level);
	int ret;

	if (kind == LODGE_STAGE2_FROZEN)
		return AGAIN;
	if (kind != LODGE_STAGE2_LEAF)
		return DONE;
	ret = lodge_stage2_entry_split(w->s2, w->cache, gpa, level, p, entry);
	if (ret == LODGE_STAGE2_RACED)
		return AGAIN;
	w->err = ret;
	return STOP;
}

/**
 * lodge_stage2_split - split large pages
 * @s2: the tree
 * @cache: tables to use
 * @start: range; moved to what is still to do
 * @end: its end
 * @target_level: size of the largest pages to leave
 *
 * Contents, permissions, accessed and dirty stay as they are, so there is
 * nothing for the owner to flush.
 *
 * Context: lock held, either side; does not yield, but see below.
 * Return: 0 when done; -ENOMEM if the cache ran out (drop the lock, top up,
 * call again with the moved @start); -EAGAIN if somebody wants the lock (drop
 * it, let them run, call again).
 */
int lodge_stage2_split(struct lodge_stage2 *s2,
		       struct lodge_stage2_cache *cache, gpa_t *start,
		       gpa_t end, unsigned int target_level)
{
	struct walk w = {
		.s2 = s2, .start = *start, .end = end, .visit = visit_split,
		.min_level = target_level + 1, .may_pause = true,
		.cache = cache,
	};

	walk_once(&w);
	if (!w.paused && !w.err) {
		*start = max(*start, end);
		return 0;
	}
	*start = w.next;
	return w.err ?: -EAGAIN;
}

static enum verdict visit_unmap(struct walk *w, gpa_t gpa, unsigned int level,
				u64 *p, u64 entry)
{
	if (lodge_stage2_entry_forget(w->s2, xchg(p, 0), gpa, level))
		need_flush(w, gpa, level);
	return DONE;
}

/* What is not in a table that goes stays. */
static enum verdict visit_nothing(struct walk *w, gpa_t gpa, unsigned int level,
				  u64 *p, u64 entry)
{
	return DONE;
}

/**
 * lodge_stage2_unmap - drop everything in a range
 * @s2: the tree
 * @start: range
 * @end: its end
 * @may_yield: may drop and retake the lock, exclusive side
 *
 * Leaves that lie partly in the range go whole. Tables that lie wholly in it
 * are freed. If it yields, what was there before the call is gone on return;
 * others may have mapped something new behind it.
 *
 * Context: lock held, exclusive side.
 * Return: true if a flush is needed, before the lock is dropped.
 */
bool lodge_stage2_unmap(struct lodge_stage2 *s2, gpa_t start, gpa_t end,
			bool may_yield)
{
	struct walk w = {
		.s2 = s2, .start = start, .end = end, .visit = visit_unmap,
		.drop_level = s2->fmt->levels - 1, .exclusive = true,
		.may_pause = may_yield,
	};

	return walk_range(&w);
}

/**
 * lodge_stage2_collapse - drop tables of smallest pages
 * @s2: the tree
 * @start: range
 * @end: its end
 * @may_yield: may drop and retake the lock, exclusive side
 *
 * Drops those that lie wholly in the range and could be one leaf, so that the
 * next fault can install it. Larger leaves stay.
 *
 * Context: lock held, exclusive side.
 * Return: true if a flush is needed, before the lock is dropped.
 */
bool lodge_stage2_collapse(struct lodge_stage2 *s2, gpa_t start, gpa_t end,
			   bool may_yield)
{
	struct walk w = {
		.s2 = s2, .start = start, .end = end, .visit = visit_nothing,
		.min_level = 1, .drop_level = 1, .exclusive = true,
		.may_pause = may_yield,
	};

	return s2->fmt->level[1].leaf && walk_range(&w);
}

/**
 * lodge_stage2_destroy - free a tree
 * @s2: the tree; all zero afterwards, and all zero is fine
 *
 * No vCPU may run on it any more and none of its translations be cached. Its
 * tables are freed after a grace period, so the module calls
 * lodge_stage2_mem_exit() before it goes.
 *
 * Context: process, may sleep; nobody else uses the tree.
 */
void lodge_stage2_destroy(struct lodge_stage2 *s2)
{
	if (s2->root_table)
		drop_table(s2, s2->root_table, s2->fmt->levels - 1, 0, true);
	memset(s2, 0, sizeof(*s2));
}
