// SPDX-License-Identifier: GPL-2.0
/*
 * The stage-2 engine under several threads: faults, ageing and dirty logging on
 * the shared side of the lock, zaps on the exclusive one, look-ups without it,
 * and a processor that walks the tables and sets accessed and dirty as it
 * likes. What must hold:
 *
 * - a leaf maps its own address, whoever looks, and when;
 * - what was zapped is gone while the lock is held;
 * - a table is not freed before readers and the processor are off it (this is
 *   for the sanitizers to see);
 * - no write of the processor gets lost: it is reported, or still there;
 * - what was write-protected is so, even if it was split meanwhile.
 *
 * test_stage2_threads [seed] [operations per thread]
 */
#define _GNU_SOURCE
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/rcupdate.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "npt.h"
#include "stage2_cache.h"
#include "stage2_odd.h"

#define BLOCKS		4		/* entries of level 1 in use */
#define MAX_PAGES	(BLOCKS * 512)

static const struct lodge_stage2_format *fmt;
static struct lodge_stage2 s2;
static u64 seed;
static unsigned long operations;
static bool finished;
static gpa_t page_size, block_size;
static unsigned long pages;
static unsigned long zaps;
static long live_tables;

/* Holders of the lock are RCU readers, as in a kernel where it disables preemption. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

/* Shared: the processor is in the tables. Exclusive: a flush. */
static pthread_rwlock_t in_guest = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

/*
 * How often a page became dirty by the processor, and was said to be dirty. Even
 * pages are made dirty by make_writable, too.
 */
static unsigned long dirtied[MAX_PAGES], reported[MAX_PAGES];

struct worker {
	pthread_t thread;
	u64 rng;
	struct lodge_stage2_cache cache;
	unsigned long done;
};

__attribute__((format(printf, 1, 2), noreturn))
static void fail(const char *format, ...)
{
	va_list args;

	printf("not ok - %s: seed %llu: ", fmt->name, seed);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_Exit(1);
}

/* Now and then somebody else runs between a read and what follows from it. */
void shim_race(void)
{
	static _Thread_local u32 turn;

	turn = turn * 1664525 + 1013904223;
	if (turn >> 24 == 0)
		sched_yield();
}

static u64 pick(struct worker *w, u64 n)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return (w->rng >> 11) % n;
}

static void take(bool exclusive)
{
	if (exclusive)
		pthread_rwlock_wrlock(&lock);
	else
		pthread_rwlock_rdlock(&lock);
	rcu_read_lock();
}

static void drop(void)
{
	rcu_read_unlock();
	pthread_rwlock_unlock(&lock);
}

/* What the owner supplies */

static void *alloc_table(size_t bytes, size_t align, gfp_t gfp)
{
	__atomic_add_fetch(&live_tables, 1, __ATOMIC_RELAXED);
	return memset(aligned_alloc(align, bytes), 0, bytes);
}

static void free_table(void *table, size_t bytes)
{
	__atomic_add_fetch(&live_tables, -1, __ATOMIC_RELAXED);
	free(table);
}

static void flush_range(void *ctx, gpa_t start, gpa_t end)
{
	pthread_rwlock_wrlock(&in_guest);
	pthread_rwlock_unlock(&in_guest);
	/* It takes its time, and others see what is half done. */
	sched_yield();
}

static void flush_all(void)
{
	flush_range(NULL, 0, ~0ULL);
}

static bool should_yield(void *ctx)
{
	static u8 turn;

	return __atomic_add_fetch(&turn, 1, __ATOMIC_RELAXED) & 1;
}

static void yield_lock(void *ctx, bool exclusive)
{
	drop();
	sched_yield();
	take(exclusive);
}

static void count(unsigned long *counter, gpa_t gpa, unsigned int level)
{
	gpa_t size = 1ULL << fmt->level[level].shift;
	gpa_t i, first = (gpa & -size) / page_size;

	for (i = 0; i < size / page_size; i++)
		__atomic_add_fetch(&counter[first + i], 1, __ATOMIC_RELAXED);
}

static void leaf_gone(void *ctx, gpa_t gpa, unsigned int level,
		      const struct lodge_stage2_leaf *leaf)
{
	if (leaf->attr.dirty)
		count(reported, gpa, level);
}

static const struct lodge_stage2_ops ops = {
	.alloc_table = alloc_table,
	.free_table = free_table,
	.flush_range = flush_range,
	.should_yield = should_yield,
	.yield = yield_lock,
	.leaf_gone = leaf_gone,
};

/* Every address has two host pages that may be behind it. */
static hpa_t host_of(gpa_t gpa, unsigned int which)
{
	return BIT_ULL(40) << which | gpa;
}

static void check_leaf(gpa_t gpa, const struct lodge_stage2_leaf *leaf)
{
	gpa_t base = gpa & -(1ULL << fmt->level[leaf->level].shift);

	if (leaf->hpa != host_of(base, 0) && leaf->hpa != host_of(base, 1))
		fail("%#llx level %u maps %#llx", gpa, leaf->level, leaf->hpa);
}

/* The processor */

/* One access, through the entry for @gpa in @table. */
static bool set_bits(u64 *table, unsigned int level, gpa_t gpa, bool write)
{
	u64 *p = &table[gpa >> fmt->level[level].shift &
			((1 << fmt->level[level].index_bits) - 1)];
	u64 entry = READ_ONCE(*p);
	struct lodge_stage2_leaf leaf = { .level = level };
	bool was_dirty;

	if (fmt->kind(entry, level) != LODGE_STAGE2_LEAF)
		return false;
	fmt->read_leaf(entry, level, &leaf);
	check_leaf(gpa, &leaf);
	if (write && !leaf.attr.writable)
		return false;
	was_dirty = leaf.attr.dirty;
	leaf.attr.accessed = 1;
	leaf.attr.dirty |= write;
	if (!try_cmpxchg64(p, &entry, fmt->make_leaf(leaf.hpa, leaf.attr, level)))
		return false;
	if (leaf.attr.dirty && !was_dirty)
		count(dirtied, gpa, level);
	return true;
}

static u64 *last_table(gpa_t gpa, unsigned int *level)
{
	u64 *table = s2.root_table;

	for (*level = fmt->levels - 1; ; --*level) {
		u64 entry = READ_ONCE(table[gpa >> fmt->level[*level].shift &
					    ((1 << fmt->level[*level].index_bits) - 1)]);

		if (fmt->kind(entry, *level) != LODGE_STAGE2_TABLE)
			return table;
		table = phys_to_virt(fmt->table_hpa(entry, *level));
	}
}

/* Until it is told to flush, it remembers where the table is. */
static void *processor(void *arg)
{
	struct worker *w = arg;

	while (!READ_ONCE(finished)) {
		gpa_t block = pick(w, BLOCKS) * block_size;
		gpa_t at = block + pick(w, block_size / page_size) * page_size;
		unsigned int level, i;
		u64 *table;

		pthread_rwlock_rdlock(&in_guest);
		table = last_table(at, &level);
		for (i = 0; i < 64; i++) {
			w->done += set_bits(table, level, at, pick(w, 2));
			at = block + pick(w, block_size / page_size) * page_size;
		}
		pthread_rwlock_unlock(&in_guest);
	}
	return NULL;
}

static void *reader(void *arg)
{
	struct worker *w = arg;
	struct lodge_stage2_leaf leaf;

	while (!READ_ONCE(finished)) {
		gpa_t gpa = pick(w, pages) * page_size;

		lodge_stage2_lookup(&s2, gpa, &leaf);
		if (leaf.kind == LODGE_STAGE2_LEAF)
			check_leaf(gpa, &leaf);
		w->done++;
	}
	return NULL;
}

static void *reclaimer(void *arg)
{
	struct worker *w = arg;

	while (!READ_ONCE(finished)) {
		rcu_barrier();
		sched_yield();
		w->done++;
	}
	return NULL;
}

/* Faults, and what else the shared side may do */

static void fault(struct worker *w, gpa_t gpa)
{
	struct lodge_stage2_attr attr = {
		.readable = 1,
		.writable = pick(w, 2),
		.accessed = 1,
		.host_writable = 1,
	};
	unsigned int level = pick(w, 16) ? 0 : 1;
	int ret;

	ret = lodge_stage2_map(&s2, &w->cache, gpa, level,
			       host_of(gpa, !pick(w, 200)), attr);
	if (ret != 0 && ret != 1 && ret != -EEXIST && ret != -EAGAIN)
		fail("map returned %d", ret);
}

static void clean(struct worker *w, gpa_t gpa)
{
	unsigned long mask = 1UL << pick(w, 64) | 1;
	bool flush_needed;

	mask &= GENMASK(63, 0) >> (gpa / page_size + 64 > pages ? 63 : 0);
	switch (pick(w, 3)) {
	case 0:
		flush_needed = lodge_stage2_wrprotect_mask(&s2, gpa, mask);
		break;
	case 1:
		flush_needed = lodge_stage2_clear_dirty_mask(&s2, gpa, mask);
		break;
	default:
		flush_needed = lodge_stage2_wrprotect(&s2, gpa, gpa + block_size / 4,
						      0, true);
	}
	if (flush_needed)
		flush_all();
}

static void on_shared_side(struct worker *w)
{
	gpa_t gpa = pick(w, pages) * page_size, at = gpa;

	if (lodge_stage2_cache_topup(&w->cache, 2, GFP_KERNEL_ACCOUNT))
		fail("no tables");
	take(false);
	switch (pick(w, 16)) {
	case 0:
		lodge_stage2_map_mmio(&s2, &w->cache, gpa, w->done, 7);
		break;
	case 1:
	case 2:
		gpa &= ~page_size;
		lodge_stage2_make_writable(&s2, gpa, 0);
		break;
	case 3:
		lodge_stage2_age(&s2, gpa, gpa + 16 * page_size);
		break;
	case 4:
		clean(w, gpa);
		break;
	case 5:
		lodge_stage2_split(&s2, &w->cache, &at, gpa + page_size, 0);
		break;
	default:
		fault(w, gpa);
	}
	drop();
}

static void *faulter(void *arg)
{
	struct worker *w = arg;

	while (w->done < operations || READ_ONCE(zaps) < operations / 50) {
		on_shared_side(w);
		w->done++;
	}
	return NULL;
}

/* Exclusive side */

static void check_gone(gpa_t start, gpa_t end)
{
	struct lodge_stage2_leaf leaf;

	for (; start < end; start += page_size) {
		lodge_stage2_lookup(&s2, start, &leaf);
		if (leaf.kind == LODGE_STAGE2_LEAF || leaf.kind == LODGE_STAGE2_MMIO)
			fail("%#llx is still there", start);
	}
}

static void zap(gpa_t start, gpa_t end)
{
	take(true);
	if (lodge_stage2_unmap(&s2, start, end, false))
		flush_all();
	check_gone(start, end);
	drop();
}

static void zap_with_pauses(struct worker *w, gpa_t start, gpa_t end)
{
	bool flush_needed;

	take(true);
	flush_needed = pick(w, 4) ?
		lodge_stage2_unmap(&s2, start, end, true) :
		lodge_stage2_collapse(&s2, start, end, true);
	if (flush_needed)
		flush_all();
	drop();
}

static void *zapper(void *arg)
{
	struct worker *w = arg;

	while (!READ_ONCE(finished)) {
		gpa_t start = pick(w, pages) * page_size;
		gpa_t end = start + (1 + pick(w, 1ULL << pick(w, 10))) * page_size;

		if (pick(w, 4) == 0) {
			start &= -block_size;
			end = start + block_size;
		}
		if (pick(w, 2))
			zap(start, end);
		else
			zap_with_pauses(w, start, end);
		__atomic_add_fetch(&zaps, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void check_end(void)
{
	long leaves[2] = { 0, 0 };
	struct lodge_stage2_leaf leaf;
	unsigned long i;

	for (i = 0; i < pages; i++) {
		lodge_stage2_lookup(&s2, i * page_size, &leaf);
		if (leaf.kind == LODGE_STAGE2_FROZEN)
			fail("page %lu stayed frozen", i);
		if (leaf.kind == LODGE_STAGE2_LEAF &&
		    leaf.hpa == host_of(i * page_size, leaf.hpa >> 41))
			leaves[leaf.level]++;
	}
	for (i = 0; i < 2; i++)
		if (atomic_long_read(&s2.pages[i]) != leaves[i])
			fail("%ld leaves of level %lu, counted %ld",
			     atomic_long_read(&s2.pages[i]), i, leaves[i]);
	lodge_stage2_destroy(&s2);
	for (i = 0; i < pages; i++)
		if (i & 1 ? dirtied[i] != reported[i] : dirtied[i] > reported[i])
			fail("page %lu became dirty %lu times, %lu were reported",
			     i, dirtied[i], reported[i]);
}

static void run(const struct lodge_stage2_format *format)
{
	void *(*const job[])(void *) = {
		faulter, faulter, faulter, zapper, processor, reader, reclaimer,
	};
	enum { JOBS = sizeof(job) / sizeof(*job) };
	static struct worker worker[JOBS];
	unsigned int i;

	fmt = format;
	finished = false;
	zaps = 0;
	page_size = 1ULL << fmt->level[0].shift;
	block_size = 1ULL << fmt->level[1].shift;
	pages = BLOCKS * block_size / page_size;
	memset(dirtied, 0, sizeof(dirtied));
	memset(reported, 0, sizeof(reported));
	if (lodge_stage2_init(&s2, fmt, &ops, NULL, GFP_KERNEL_ACCOUNT))
		fail("refused");
	for (i = 0; i < JOBS; i++) {
		worker[i].rng = (seed + i) * 0x9e3779b97f4a7c15ULL | 1;
		worker[i].done = 0;
		lodge_stage2_cache_init(&worker[i].cache, fmt, &ops);
		pthread_create(&worker[i].thread, NULL, job[i], &worker[i]);
	}
	for (i = 0; i < JOBS; i++) {
		if (i == 3)
			WRITE_ONCE(finished, true);
		pthread_join(worker[i].thread, NULL);
		lodge_stage2_cache_destroy(&worker[i].cache);
	}
	check_end();
	rcu_barrier();
	if (live_tables)
		fail("%ld tables left", live_tables);
	printf("# %s: %lu faults and the like, %lu zaps, %lu accesses, %lu look-ups\n",
	       fmt->name, worker[0].done + worker[1].done + worker[2].done,
	       zaps, worker[4].done,
	       worker[5].done);
	if (!worker[4].done || !worker[5].done)
		fail("somebody did nothing");
}

/* Dirty logging begins while another vCPU splits the page */

static pthread_barrier_t both;

static void *splitter(void *arg)
{
	struct worker *w = arg;
	gpa_t at;

	for (;;) {
		pthread_barrier_wait(&both);
		if (READ_ONCE(finished))
			return NULL;
		at = 0;
		take(false);
		if (lodge_stage2_split(&s2, &w->cache, &at, block_size, 0) == -ENOMEM)
			fail("no tables to split with");
		drop();
		pthread_barrier_wait(&both);
	}
}

static void protect_while_split(struct worker *w)
{
	struct lodge_stage2_attr attr = { .readable = 1, .writable = 1 };
	struct lodge_stage2_leaf leaf;
	gpa_t gpa;

	if (lodge_stage2_map(&s2, &w[0].cache, 0, 1, host_of(0, 0), attr))
		fail("no page to protect");
	pthread_barrier_wait(&both);
	if (pick(w, 2))
		sched_yield();
	take(false);
	if (lodge_stage2_wrprotect(&s2, 0, block_size, 0, false))
		flush_all();
	drop();
	pthread_barrier_wait(&both);
	for (gpa = 0; gpa < block_size; gpa += page_size) {
		lodge_stage2_lookup(&s2, gpa, &leaf);
		if (leaf.kind != LODGE_STAGE2_LEAF || leaf.attr.writable)
			fail("%#llx can be written again", gpa);
	}
	lodge_stage2_unmap(&s2, 0, block_size, false);
	rcu_barrier();
}

static void stock(struct worker *w)
{
	if (lodge_stage2_cache_topup(&w->cache, 1, GFP_KERNEL_ACCOUNT))
		fail("no tables");
}

static void run_protect(const struct lodge_stage2_format *format)
{
	static struct worker w[2];
	unsigned int i;

	fmt = format;
	finished = false;
	w[0].rng = seed | 1;
	page_size = 1ULL << fmt->level[0].shift;
	block_size = 1ULL << fmt->level[1].shift;
	pthread_barrier_init(&both, NULL, 2);
	if (lodge_stage2_init(&s2, fmt, &ops, NULL, GFP_KERNEL_ACCOUNT))
		fail("refused");
	lodge_stage2_cache_init(&w[0].cache, fmt, &ops);
	lodge_stage2_cache_init(&w[1].cache, fmt, &ops);
	pthread_create(&w[1].thread, NULL, splitter, &w[1]);
	for (i = 0; i < operations / 50; i++) {
		stock(&w[0]);
		stock(&w[1]);
		protect_while_split(w);
	}
	finished = true;
	pthread_barrier_wait(&both);
	pthread_join(w[1].thread, NULL);
	pthread_barrier_destroy(&both);
	lodge_stage2_cache_destroy(&w[0].cache);
	lodge_stage2_cache_destroy(&w[1].cache);
	lodge_stage2_destroy(&s2);
	rcu_barrier();
}

int main(int argc, char **argv)
{
	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (u64)time(NULL);
	operations = argc > 2 ? strtoul(argv[2], NULL, 0) : 100000;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..4\n# seed %llu\n", seed);
	lodge_npt_init(0);
	run(&lodge_npt_format_4level);
	printf("ok 1 - npt4\n");
	run(&stage2_odd_format);
	printf("ok 2 - odd\n");
	run_protect(&lodge_npt_format_4level);
	printf("ok 3 - npt4: protected while split\n");
	run_protect(&stage2_odd_format);
	printf("ok 4 - odd: protected while split\n");
	return 0;
}
