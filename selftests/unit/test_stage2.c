// SPDX-License-Identifier: GPL-2.0
/*
 * The stage-2 engine against a plain model: random operations, and after each
 * the same answer, the same leaves, the same tables. Between them a processor
 * touches pages and keeps translations, which must not outlive what they came
 * from: neither when the lock is dropped nor when the engine yields it.
 *
 * test_stage2 [seed] [operations per format]
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "npt.h"
#include "stage2_cache.h"
#include "stage2_model.h"
#include "stage2_odd.h"

enum side { UNLOCKED, SHARED, EXCLUSIVE };

#define TLB_ENTRIES	64

struct translation {
	bool valid;
	bool writable;
	bool dirty;
	gpa_t gpa;
	hpa_t hpa;
};

static u64 seed, rng;
static unsigned long op;
static const char *op_name;
static gpa_t op_start, op_end;

static const struct lodge_stage2_format *fmt;
static struct lodge_stage2 s2;
static struct lodge_stage2_cache cache;
static struct model model;
static enum side lock;
static bool yields, nesting;
static unsigned long gone, yielded, all_yields, live_tables;
static unsigned int fail_alloc;
static struct translation tlb[TLB_ENTRIES];

static u64 random64(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

/* One of 0 .. n - 1. */
static u64 pick(u64 n)
{
	return (random64() >> 11) % n;
}

__attribute__((format(printf, 1, 2), noreturn))
static void fail(const char *format, ...)
{
	va_list args;

	printf("not ok - %s: seed %llu, operation %lu, %s [%#llx, %#llx): ",
	       fmt->name, seed, op, op_name, op_start, op_end);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(1);
}

/* The processor */

/* What hardware finds at @gpa: the entry, or NULL if that is no leaf. */
static u64 *hardware_walk(gpa_t gpa, struct lodge_stage2_leaf *leaf)
{
	u64 *table = s2.root_table;
	unsigned int level;

	for (level = fmt->levels - 1; ; level--) {
		u64 *p = &table[gpa >> fmt->level[level].shift &
				((1 << fmt->level[level].index_bits) - 1)];

		memset(leaf, 0, sizeof(*leaf));
		leaf->level = level;
		switch (fmt->kind(*p, level)) {
		case LODGE_STAGE2_TABLE:
			table = phys_to_virt(fmt->table_hpa(*p, level));
			break;
		case LODGE_STAGE2_LEAF:
			fmt->read_leaf(*p, level, leaf);
			if (fmt->make_leaf(leaf->hpa, leaf->attr, level) != *p)
				fail("leaf %#llx is not read as it was made", *p);
			return p;
		default:
			return NULL;
		}
	}
}

static void remember(gpa_t gpa, const struct lodge_stage2_leaf *leaf)
{
	gpa_t offset = gpa & (model_size(&model, leaf->level) - 1);

	tlb[pick(TLB_ENTRIES)] = (struct translation) {
		.valid = true,
		.writable = leaf->attr.writable,
		.dirty = leaf->attr.dirty,
		.gpa = gpa,
		.hpa = leaf->hpa + offset,
	};
}

static bool touch(gpa_t gpa, bool write)
{
	struct lodge_stage2_leaf leaf;
	u64 *p = hardware_walk(gpa, &leaf);

	if (!p || (write ? !leaf.attr.writable : !leaf.attr.readable))
		return false;
	leaf.attr.accessed = 1;
	leaf.attr.dirty |= write;
	*p = fmt->make_leaf(leaf.hpa, leaf.attr, leaf.level);
	remember(gpa, &leaf);
	return true;
}

static void flush(gpa_t start, gpa_t end)
{
	unsigned int i;

	for (i = 0; i < TLB_ENTRIES; i++)
		if (tlb[i].gpa >= start && tlb[i].gpa < end)
			tlb[i].valid = false;
}

/* Whoever gets the lock next relies on this. */
static void check_tlb(void)
{
	unsigned int i;

	for (i = 0; i < TLB_ENTRIES; i++) {
		struct translation *t = &tlb[i];
		struct lodge_stage2_leaf leaf;
		gpa_t offset;

		if (!t->valid)
			continue;
		if (!hardware_walk(t->gpa, &leaf))
			fail("stale translation of %#llx", t->gpa);
		offset = t->gpa & (model_size(&model, leaf.level) - 1);
		if (leaf.hpa + offset != t->hpa ||
		    t->writable > leaf.attr.writable ||
		    t->dirty > leaf.attr.dirty)
			fail("translation of %#llx outlived a change", t->gpa);
	}
}

/* What the owner supplies */

static void *alloc_table(size_t bytes, size_t align, gfp_t gfp)
{
	void *table;

	if (gfp != GFP_KERNEL_ACCOUNT || lock != UNLOCKED)
		fail("allocation under the lock or not accounted");
	if (fail_alloc && !--fail_alloc)
		return NULL;
	table = aligned_alloc(align, bytes);
	live_tables++;
	return memset(table, 0, bytes);
}

static void free_table(void *table, size_t bytes)
{
	memset(table, 0xff, bytes);
	free(table);
	live_tables--;
}

static void flush_range(void *ctx, gpa_t start, gpa_t end)
{
	if (ctx != &model || start >= end || lock == UNLOCKED)
		fail("flush of [%#llx, %#llx)", start, end);
	flush(start, end);
}

static void assert_locked(void *ctx, bool exclusive)
{
	if (lock < (exclusive ? EXCLUSIVE : SHARED))
		fail("lock not held");
}

static bool should_yield(void *ctx)
{
	return yields && pick(3);
}

static void nest(void);

static void yield_lock(void *ctx, bool exclusive)
{
	enum side side = lock;

	if (side != (exclusive ? EXCLUSIVE : SHARED))
		fail("yields a side that is not held");
	yielded++;
	all_yields++;
	lock = UNLOCKED;
	check_tlb();
	rcu_barrier();
	if (!nesting)
		nest();
	lock = side;
}

static bool same_attr(struct lodge_stage2_attr a, struct lodge_stage2_attr b)
{
	return !memcmp(&a, &b, sizeof(a));
}

static void leaf_gone(void *ctx, gpa_t gpa, unsigned int level,
		      const struct lodge_stage2_leaf *leaf)
{
	struct lodge_stage2_leaf want;

	gone++;
	if (model_window(&model, gpa) < 0)
		fail("leaf at %#llx is gone, but never was", gpa);
	model_lookup(&model, gpa, &want);
	if (want.kind != LODGE_STAGE2_LEAF || want.level != level ||
	    want.level != leaf->level || want.hpa != leaf->hpa ||
	    gpa & (model_size(&model, level) - 1) ||
	    !same_attr(want.attr, leaf->attr))
		fail("leaf at %#llx level %u is gone, the model had kind %u level %u",
		     gpa, level, want.kind, want.level);
}

static const struct lodge_stage2_ops ops = {
	.alloc_table = alloc_table,
	.free_table = free_table,
	.flush_range = flush_range,
	.assert_locked = assert_locked,
	.should_yield = should_yield,
	.yield = yield_lock,
	.leaf_gone = leaf_gone,
};

static void take(enum side side)
{
	lock = side;
}

/* Grace periods that began under the lock may end now. */
static void drop(void)
{
	check_tlb();
	lock = UNLOCKED;
	rcu_barrier();
}

static enum side any_side(void)
{
	return pick(2) ? SHARED : EXCLUSIVE;
}

/* Choosing and comparing */

static gpa_t random_gpa_in(int window)
{
	gpa_t blocks = model_size(&model, 2) / model_size(&model, 1);
	gpa_t pages = model_size(&model, 1) / model_size(&model, 0);
	gpa_t block = pick(2), page = pick(min(pages, (gpa_t)8));

	if (pick(5) == 0)
		block = blocks - 1;
	else if (pick(10) == 0)
		block = pick(blocks);
	if (pick(2))
		page = pick(pages);
	return model.window[window] + block * model_size(&model, 1) +
	       page * model_size(&model, 0);
}

static gpa_t random_gpa(void)
{
	return random_gpa_in(pick(MODEL_WINDOWS));
}

/* Mostly short; now and then across windows, or not aligned to pages. */
static void random_range(void)
{
	unsigned int top = fmt->level[1].shift + 3;
	unsigned int bits = fmt->level[0].shift;

	if (pick(200) == 0)
		top = fmt->level[2].shift + 2;
	bits += pick(top - bits);
	op_start = random_gpa();
	op_end = op_start + 1 + pick(2ULL << bits);
	if (pick(4) == 0)
		op_start += pick(model_size(&model, 0));
	else
		op_end = (op_end + model_size(&model, 0) - 1) &
			 -model_size(&model, 0);
	op_end = max(op_end, op_start + 1);
	if (pick(8) == 0) {
		op_start &= -model_size(&model, 1);
		op_end = op_start + model_size(&model, 1) * (1 + pick(2));
	}
	if (pick(20000) == 0) {
		op_start = 0;
		op_end = ~0ULL;
	}
}

/* Congruent to @gpa; mostly the same for the same @gpa. */
static hpa_t random_hpa(gpa_t gpa)
{
	u64 variant = pick(10) ? 0 : 1 + pick(2);

	return (gpa & (BIT_ULL(40) - 1)) | variant << 41 | BIT_ULL(40);
}

static struct lodge_stage2_attr random_attr(void)
{
	struct lodge_stage2_attr attr = {
		.readable = fmt->can_map || pick(8),
		.writable = pick(2),
		.executable = pick(2),
		.accessed = pick(2),
		.dirty = pick(3) == 0,
		.host_writable = pick(2),
		.memtype = pick(20) ? LODGE_STAGE2_MEM_NORMAL : pick(3),
	};

	return attr;
}

static void check_page(gpa_t gpa)
{
	struct lodge_stage2_leaf is, want;

	if (model_window(&model, gpa) < 0)
		return;
	memset(&is, 0xff, sizeof(is));
	model_lookup(&model, gpa, &want);
	if (lodge_stage2_lookup(&s2, gpa, &is))
		fail("lookup of %#llx refused", gpa);
	if (is.kind != want.kind || is.level != want.level ||
	    is.hpa != want.hpa || !same_attr(is.attr, want.attr) ||
	    is.generation != want.generation || is.access != want.access)
		fail("%#llx: kind %u level %u hpa %#llx, the model has kind %u level %u hpa %#llx",
		     gpa, is.kind, is.level, is.hpa, want.kind, want.level,
		     want.hpa);
}

static void check_counts(void)
{
	unsigned int level;

	for (level = 0; level < fmt->levels; level++)
		if (atomic_long_read(&s2.pages[level]) != model.pages[level])
			fail("%ld leaves of level %u, the model has %ld",
			     atomic_long_read(&s2.pages[level]), level,
			     model.pages[level]);
	if (atomic_long_read(&s2.tables) != model.tables + 1)
		fail("%ld tables, the model has %ld",
		     atomic_long_read(&s2.tables), model.tables + 1);
}

static void check_after(void)
{
	gpa_t page = model_size(&model, 0);

	if (gone != model.gone)
		fail("%lu leaves gone, the model lost %lu", gone, model.gone);
	check_counts();
	check_page(op_start);
	check_page(op_start - page);
	check_page(op_end - 1);
	check_page(op_end);
	check_page(op_start + pick(op_end - op_start));
	check_page(random_gpa());
}

static void check_all(void)
{
	unsigned int w;
	gpa_t offset;

	for (w = 0; w < MODEL_WINDOWS; w++)
		for (offset = 0; offset < model_size(&model, 2);
		     offset += model_size(&model, 0))
			check_page(model.window[w] + offset);
}

static void check_result(int is, int want)
{
	if (is != want)
		fail("returned %d, the model says %d", is, want);
}

/* What the owner does with a returned "flush needed". */
static void finish_flush(bool needed, bool expected)
{
	gpa_t size = model_size(&model, 2);

	if (needed)
		flush(op_start & -size, (op_end - 1) | (size - 1));
	if (!yielded && needed != expected)
		fail("flush %d, the model says %d", needed, expected);
}

/* Operations */

/* Returns false if the cache is empty, on purpose or for lack of memory. */
static bool stock_cache(void)
{
	unsigned int fate = pick(32);

	if (fate == 0)
		fail_alloc = 1 + pick(4);
	if (fate > 1 && !lodge_stage2_cache_topup(&cache, 1, GFP_KERNEL_ACCOUNT))
		return true;
	if (fate == 0 &&
	    !lodge_stage2_cache_topup(&cache, 1, GFP_KERNEL_ACCOUNT)) {
		fail_alloc = 0;
		return true;
	}
	fail_alloc = 0;
	lodge_stage2_cache_destroy(&cache);
	return false;
}

static void map_at(gpa_t gpa)
{
	struct lodge_stage2_attr attr = random_attr();
	unsigned int level = pick(5) ? 0 : pick(300) ? 1 : 2;
	bool stocked = stock_cache();
	hpa_t hpa;
	int is;

	gpa += pick(model_size(&model, 0));
	hpa = random_hpa(gpa);
	op_start = gpa & -model_size(&model, level);
	op_end = op_start + model_size(&model, level);
	take(any_side());
	is = lodge_stage2_map(&s2, &cache, gpa, level, hpa, attr);
	check_result(is, model_map(&model, gpa, level, hpa, attr, stocked));
	drop();
}

static void do_map(void)
{
	map_at(random_gpa());
}

static void do_map_mmio(void)
{
	gpa_t gpa = random_gpa();
	u64 generation = pick(4) ? pick(3) : pick(1ULL << fmt->generation_bits);
	unsigned int access = pick(8);
	bool stocked = stock_cache();
	int is;

	op_start = gpa;
	op_end = gpa + model_size(&model, 0);
	take(any_side());
	is = lodge_stage2_map_mmio(&s2, &cache, gpa, generation, access);
	check_result(is, model_map_mmio(&model, gpa, generation, access,
					stocked));
	drop();
}

static void do_touch(void)
{
	bool write = pick(2);

	op_start = random_gpa();
	op_end = op_start + 1;
	if (touch(op_start, write))
		model_touch(&model, op_start, write);
}

static void do_make_writable(void)
{
	unsigned int max_level = pick(3);
	int is;

	op_start = random_gpa();
	op_end = op_start + 1;
	take(any_side());
	is = lodge_stage2_make_writable(&s2, op_start, max_level);
	check_result(is, model_make_writable(&model, op_start, max_level));
	drop();
}

static void do_age(void)
{
	bool clear = pick(2);
	bool is;

	random_range();
	take(any_side());
	is = clear ? lodge_stage2_age(&s2, op_start, op_end) :
		     lodge_stage2_test_young(&s2, op_start, op_end);
	check_result(is, model_age(&model, op_start, op_end, clear));
	drop();
}

static void do_wrprotect(void)
{
	unsigned int min_level = pick(3);
	bool flush_needed;

	random_range();
	yields = pick(2);
	take(yields ? SHARED : any_side());
	flush_needed = lodge_stage2_wrprotect(&s2, op_start, op_end, min_level,
					      yields);
	model_clean(&model, op_start, op_end, min_level, false);
	finish_flush(flush_needed, model.gone);
	drop();
}

static void do_mask(void)
{
	unsigned long mask = random64() & random64();
	bool keep_writable = pick(2);
	bool flush_needed;

	mask = pick(8) ? mask >> pick(64) : 1UL << pick(64);
	op_start = random_gpa();
	op_end = op_start + 64 * model_size(&model, 0);
	take(any_side());
	flush_needed = keep_writable ?
		lodge_stage2_clear_dirty_mask(&s2, op_start, mask) :
		lodge_stage2_wrprotect_mask(&s2, op_start, mask);
	model_clean_mask(&model, op_start, mask, keep_writable);
	finish_flush(flush_needed, model.gone);
	drop();
}

static void do_split(void)
{
	unsigned int target = pick(2);
	gpa_t at;
	int ret;

	random_range();
	yields = pick(2);
	at = op_start;
	do {
		gpa_t before = at;

		if (lodge_stage2_cache_topup(&cache, 1 + pick(20),
					     GFP_KERNEL_ACCOUNT))
			fail("no tables");
		take(any_side());
		ret = lodge_stage2_split(&s2, &cache, &at, op_end, target);
		drop();
		if (at < before || (ret && ret != -ENOMEM && ret != -EAGAIN))
			fail("returned %d at %#llx after %#llx", ret, at, before);
	} while (ret);
	if (at != max(op_start, op_end))
		fail("ended at %#llx", at);
	model_split(&model, op_start, op_end, target);
}

static void do_unmap(void)
{
	bool flush_needed;

	random_range();
	yields = pick(2);
	take(EXCLUSIVE);
	flush_needed = lodge_stage2_unmap(&s2, op_start, op_end, yields);
	model_unmap(&model, op_start, op_end);
	finish_flush(flush_needed, model.dropped);
	drop();
}

static void do_collapse(void)
{
	bool flush_needed;

	random_range();
	yields = pick(2);
	take(EXCLUSIVE);
	flush_needed = lodge_stage2_collapse(&s2, op_start, op_end, yields);
	model_collapse(&model, op_start, op_end);
	finish_flush(flush_needed, model.dropped);
	drop();
}

/* A refusal changes nothing; what it must be is in the interface. */
static void do_bad(void)
{
	gpa_t gpa = random_gpa(), limit = lodge_stage2_limit(fmt);
	struct lodge_stage2_attr attr = { .readable = 1 };
	struct lodge_stage2_leaf leaf;
	bool stocked = stock_cache();

	(void)stocked;
	op_start = gpa;
	op_end = gpa + 1;
	take(EXCLUSIVE);
	check_result(lodge_stage2_map(&s2, &cache, limit, 0, 0, attr), -ERANGE);
	check_result(lodge_stage2_map(&s2, &cache, gpa, 3, gpa, attr), -EINVAL);
	check_result(lodge_stage2_map(&s2, &cache, gpa, LODGE_STAGE2_MAX_LEVELS,
				      gpa, attr), -EINVAL);
	check_result(lodge_stage2_map(&s2, &cache, gpa, 1,
				      gpa ^ model_size(&model, 0), attr),
		     -EINVAL);
	check_result(lodge_stage2_map(&s2, &cache, gpa, 0,
				      1ULL << fmt->hpa_bits, attr), -EINVAL);
	attr.readable = 0;
	if (fmt->can_map)
		check_result(lodge_stage2_map(&s2, &cache, gpa, 0, 0, attr),
			     -EINVAL);
	check_result(lodge_stage2_map_mmio(&s2, &cache, limit, 0, 0), -ERANGE);
	check_result(lodge_stage2_map_mmio(&s2, &cache, gpa,
					   1ULL << fmt->generation_bits, 0),
		     -ERANGE);
	check_result(lodge_stage2_make_writable(&s2, limit, 2), -ERANGE);
	check_result(lodge_stage2_lookup(&s2, limit, &leaf), -ERANGE);
	check_result(lodge_stage2_unmap(&s2, gpa, gpa, false), false);
	check_result(lodge_stage2_unmap(&s2, limit, ~0ULL, false), false);
	check_result(lodge_stage2_wrprotect_mask(&s2, gpa, 0), false);
	drop();
}

static const struct {
	const char *name;
	unsigned int weight;
	void (*run)(void);
} operations[] = {
	{ "map", 36, do_map },
	{ "map_mmio", 8, do_map_mmio },
	{ "touch", 22, do_touch },
	{ "make_writable", 5, do_make_writable },
	{ "age", 5, do_age },
	{ "wrprotect", 4, do_wrprotect },
	{ "mask", 8, do_mask },
	{ "split", 2, do_split },
	{ "unmap", 7, do_unmap },
	{ "collapse", 2, do_collapse },
	{ "bad", 1, do_bad },
};

/* Somebody zaps part of what is being zapped. */
static void nested_unmap(void)
{
	gpa_t end = min(op_end, lodge_stage2_limit(fmt));
	gpa_t from = op_start + pick(end - op_start);
	gpa_t to = from + pick(end - from);

	take(EXCLUSIVE);
	if (lodge_stage2_unmap(&s2, from, to, false))
		flush(0, ~0ULL);
	drop();
}

/* Somebody faults elsewhere. Its leaves are none of the operation's. */
static void nested_map(void)
{
	gpa_t start = op_start, end = op_end;
	unsigned long outer_gone = gone, outer_model = model.gone;
	int w = pick(MODEL_WINDOWS);

	if (start >= model.window[w] + model_size(&model, 2) ||
	    end <= model.window[w]) {
		gone = 0;
		model.gone = 0;
		map_at(random_gpa_in(w));
		check_result(gone, model.gone);
	}
	op_start = start;
	op_end = end;
	gone = outer_gone;
	model.gone = outer_model;
}

/* Others, while the lock was given up. */
static void nest(void)
{
	nesting = true;
	if (!strcmp(op_name, "unmap") && pick(4) == 0)
		nested_unmap();
	if (pick(4) == 0)
		nested_map();
	nesting = false;
}

static void one_operation(void)
{
	unsigned int i = 0;
	unsigned int draw = pick(100);

	while (draw >= operations[i].weight)
		draw -= operations[i++].weight;
	op_name = operations[i].name;
	gone = 0;
	yielded = 0;
	yields = false;
	model.gone = 0;
	model.dropped = 0;
	operations[i].run();
	check_after();
}

static void start(const struct lodge_stage2_format *format)
{
	fmt = format;
	op = 0;
	all_yields = 0;
	op_name = "init";
	memset(tlb, 0, sizeof(tlb));
	model_init(&model, fmt);
	fail_alloc = 1;
	if (lodge_stage2_init(&s2, fmt, &ops, &model, GFP_KERNEL_ACCOUNT) !=
	    -ENOMEM)
		fail("made a tree without memory");
	lodge_stage2_destroy(&s2);
	if (lodge_stage2_init(&s2, fmt, &ops, &model, GFP_KERNEL_ACCOUNT) ||
	    lodge_stage2_cache_init(&cache, fmt, &ops))
		fail("refused");
}

static void finish(void)
{
	unsigned int level;
	unsigned long leaves = 0;

	op_name = "destroy";
	check_all();
	for (level = 0; level < fmt->levels; level++)
		leaves += model.pages[level];
	gone = 0;
	flush(0, ~0ULL);
	lodge_stage2_destroy(&s2);
	lodge_stage2_destroy(&s2);
	lodge_stage2_cache_destroy(&cache);
	rcu_barrier();
	if (op > 10000 && all_yields < op / 500)
		fail("the lock was yielded %lu times only", all_yields);
	if (gone != leaves || live_tables)
		fail("%lu of %lu leaves gone, %lu tables left", gone, leaves,
		     live_tables);
	model_destroy(&model);
}

/* A format that breaks the contract is refused. */
static void refuse(const char *what, struct lodge_stage2_format bad)
{
	op_name = what;
	fmt = &bad;
	check_result(lodge_stage2_init(&s2, &bad, &ops, &model,
				       GFP_KERNEL_ACCOUNT), -EINVAL);
	fmt = NULL;
}

static void test_unsound(void)
{
	struct lodge_stage2_format bad = stage2_odd_format;

	bad.level[1].shift++;
	refuse("gap between levels", bad);
	bad = stage2_odd_format;
	bad.level[1].leaf = false;
	refuse("gap between leaf levels", bad);
	bad = stage2_odd_format;
	bad.level[0].table_bytes = 128;
	refuse("table too small", bad);
	bad = stage2_odd_format;
	bad.level[3].index_bits = 27;
	refuse("more than 63 bits of address", bad);
	bad = stage2_odd_format;
	bad.levels = 1;
	refuse("one level", bad);
	bad = stage2_odd_format;
	bad.frozen = 0;
	refuse("frozen is absent", bad);
}

int main(int argc, char **argv)
{
	static const struct {
		const struct lodge_stage2_format *fmt;
		u64 encryption;
	} run[] = {
		{ &lodge_npt_format_4level, 0 },
		{ &lodge_npt_format_5level, BIT_ULL(51) },
		{ &stage2_odd_format, 0 },
	};
	unsigned long operations_wanted;
	unsigned int i;

	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (u64)time(NULL);
	operations_wanted = argc > 2 ? strtoul(argv[2], NULL, 0) : 1000000;
	rng = seed * 0x9e3779b97f4a7c15ULL | 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..4\n# seed %llu\n", seed);
	for (i = 0; i < 3; i++) {
		lodge_npt_init(run[i].encryption);
		start(run[i].fmt);
		for (op = 1; op <= operations_wanted; op++) {
			one_operation();
			if (op % 250000 == 0)
				check_all();
		}
		finish();
		printf("ok %u - %s: %lu operations\n", i + 1, run[i].fmt->name,
		       operations_wanted);
	}
	test_unsound();
	printf("ok 4 - unsound formats are refused\n");
	return 0;
}
