// SPDX-License-Identifier: GPL-2.0
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <stdlib.h>
#include <string.h>

#include "stage2_model.h"

gpa_t model_size(const struct model *m, unsigned int level)
{
	return 1ULL << m->fmt->level[level].shift;
}

static gpa_t base_of(const struct model *m, gpa_t gpa, unsigned int level)
{
	return gpa & -model_size(m, level);
}

/* The window that @gpa is in, or -1. */
int model_window(const struct model *m, gpa_t gpa)
{
	int w;

	for (w = 0; w < MODEL_WINDOWS; w++)
		if (gpa - m->window[w] < model_size(m, 2))
			return w;
	return -1;
}

static struct model_page *page_at(struct model *m, gpa_t gpa)
{
	int w = model_window(m, gpa);

	return &m->page[w][(gpa - m->window[w]) / model_size(m, 0)];
}

static bool *table_at(struct model *m, unsigned int level, gpa_t gpa)
{
	int w = model_window(m, gpa);

	if (level <= 2)
		return &m->table[level][w][(gpa - m->window[w]) /
					   model_size(m, level)];
	for (w = 0; base_of(m, m->window[w], level) != base_of(m, gpa, level);)
		w++;
	return m->table[level][w];
}

/* The page that says everything about the page at @gpa. */
static struct model_page *leaf_at(struct model *m, gpa_t gpa)
{
	struct model_page *page = page_at(m, gpa);

	if (page->kind == LODGE_STAGE2_LEAF && page->level)
		page = page_at(m, base_of(m, gpa, page->level));
	return page;
}

void model_init(struct model *m, const struct lodge_stage2_format *fmt)
{
	unsigned int level, w;

	memset(m, 0, sizeof(*m));
	m->fmt = fmt;
	m->window[1] = model_size(m, 2);
	m->window[2] = lodge_stage2_limit(fmt) - model_size(m, 2);
	for (w = 0; w < MODEL_WINDOWS; w++) {
		m->page[w] = calloc(model_size(m, 2) / model_size(m, 0),
				    sizeof(struct model_page));
		for (level = 1; level < fmt->levels; level++)
			m->table[level][w] = calloc(1 << fmt->level[1].index_bits,
						    sizeof(bool));
	}
}

void model_destroy(struct model *m)
{
	unsigned int level, w;

	for (w = 0; w < MODEL_WINDOWS; w++) {
		free(m->page[w]);
		for (level = 1; level < m->fmt->levels; level++)
			free(m->table[level][w]);
	}
}

void model_lookup(struct model *m, gpa_t gpa, struct lodge_stage2_leaf *out)
{
	struct model_page *page = leaf_at(m, gpa);

	memset(out, 0, sizeof(*out));
	out->kind = page->kind;
	switch (page->kind) {
	case LODGE_STAGE2_LEAF:
		out->level = page->level;
		out->hpa = page->value;
		out->attr = page->attr;
		break;
	case LODGE_STAGE2_MMIO:
		out->generation = page->value;
		out->access = page->access;
		break;
	default:
		out->level = m->fmt->levels - 1;
		while (out->level && *table_at(m, out->level, gpa))
			out->level--;
	}
}

static void add_table(struct model *m, unsigned int level, gpa_t gpa)
{
	bool *table = table_at(m, level, gpa);

	m->tables += !*table;
	*table = true;
}

static void put_leaf(struct model *m, gpa_t gpa, unsigned int level, hpa_t hpa,
		     struct lodge_stage2_attr attr)
{
	struct model_page *page = page_at(m, base_of(m, gpa, level));
	gpa_t i;

	for (i = 0; i < model_size(m, level) / model_size(m, 0); i++) {
		page[i].kind = LODGE_STAGE2_LEAF;
		page[i].level = level;
	}
	page->value = hpa;
	page->attr = attr;
	m->pages[level]++;
}

static void drop_leaf(struct model *m, gpa_t gpa)
{
	unsigned int level = page_at(m, gpa)->level;
	struct model_page *page = page_at(m, base_of(m, gpa, level));

	memset(page, 0, model_size(m, level) / model_size(m, 0) * sizeof(*page));
	m->pages[level]--;
	m->gone++;
	m->dropped++;
}

static void split_once(struct model *m, gpa_t gpa)
{
	struct model_page leaf = *leaf_at(m, gpa);
	gpa_t base = base_of(m, gpa, leaf.level);
	gpa_t size = model_size(m, leaf.level - 1);
	gpa_t offset;

	for (offset = 0; offset < model_size(m, leaf.level); offset += size)
		put_leaf(m, base + offset, leaf.level - 1, leaf.value + offset,
			 leaf.attr);
	m->pages[leaf.level]--;
	add_table(m, leaf.level, gpa);
}

static bool same_memory(struct model *m, const struct model_page *leaf,
			gpa_t gpa, hpa_t hpa, struct lodge_stage2_attr attr)
{
	gpa_t offset = gpa - base_of(m, gpa, leaf->level);

	return leaf->value + offset == hpa && leaf->attr.memtype == attr.memtype;
}

static bool allows(const struct model_page *leaf, struct lodge_stage2_attr attr)
{
	return (leaf->attr.readable || !attr.readable) &&
	       (leaf->attr.writable || !attr.writable) &&
	       (leaf->attr.executable || !attr.executable);
}

#define MAPPED_ALREADY	1
#define GO_ON		2

/* A leaf of @level in the way of a smaller one. */
static int meet_leaf(struct model *m, gpa_t gpa, hpa_t hpa,
		     struct lodge_stage2_attr attr, bool have_tables)
{
	struct model_page *leaf = leaf_at(m, gpa);

	if (!same_memory(m, leaf, gpa, hpa, attr)) {
		drop_leaf(m, gpa);
	} else if (allows(leaf, attr)) {
		leaf->attr.accessed |= attr.accessed;
		leaf->attr.dirty |= attr.dirty;
		return MAPPED_ALREADY;
	} else if (have_tables) {
		split_once(m, gpa);
	}
	return have_tables ? GO_ON : -ENOMEM;
}

static int make_way(struct model *m, gpa_t gpa, unsigned int level,
		    bool have_tables, bool mmio, hpa_t hpa,
		    struct lodge_stage2_attr attr)
{
	unsigned int l;

	for (l = m->fmt->levels - 1; l > level; l--) {
		struct model_page *page = page_at(m, gpa);
		int ret;

		if (*table_at(m, l, gpa))
			continue;
		if (page->kind == LODGE_STAGE2_LEAF && page->level == l) {
			if (mmio)
				return -EEXIST;
			ret = meet_leaf(m, gpa, hpa, attr, have_tables);
			if (ret != GO_ON)
				return ret;
		}
		if (!have_tables)
			return -ENOMEM;
		add_table(m, l, gpa);
	}
	return GO_ON;
}

static int change_leaf(struct model_page *leaf, struct lodge_stage2_attr attr)
{
	struct lodge_stage2_attr old = leaf->attr;

	leaf->attr.readable |= attr.readable;
	leaf->attr.writable |= attr.writable;
	leaf->attr.executable |= attr.executable;
	leaf->attr.accessed |= attr.accessed;
	leaf->attr.dirty |= attr.dirty;
	leaf->attr.host_writable |= attr.host_writable;
	return memcmp(&old, &leaf->attr, sizeof(old)) ? 0 : MAPPED_ALREADY;
}

int model_map(struct model *m, gpa_t gpa, unsigned int level, hpa_t hpa,
	      struct lodge_stage2_attr attr, bool have_tables)
{
	struct model_page *leaf;
	int ret;

	gpa = base_of(m, gpa, level);
	hpa = base_of(m, hpa, level);
	ret = make_way(m, gpa, level, have_tables, false, hpa, attr);
	if (ret != GO_ON)
		return ret;
	if (level && *table_at(m, level, gpa))
		return -EEXIST;
	leaf = leaf_at(m, gpa);
	if (leaf->kind == LODGE_STAGE2_LEAF) {
		if (same_memory(m, leaf, gpa, hpa, attr))
			return change_leaf(leaf, attr);
		drop_leaf(m, gpa);
	}
	put_leaf(m, gpa, level, hpa, attr);
	return 0;
}

int model_map_mmio(struct model *m, gpa_t gpa, u64 generation,
		   unsigned int access, bool have_tables)
{
	struct lodge_stage2_attr none = { 0 };
	struct model_page *page = page_at(m, gpa);
	int ret;

	ret = make_way(m, gpa, 0, have_tables, true, 0, none);
	if (ret != GO_ON)
		return ret;
	if (page->kind == LODGE_STAGE2_LEAF)
		return -EEXIST;
	if (page->kind == LODGE_STAGE2_MMIO && page->value == generation &&
	    page->access == access)
		return MAPPED_ALREADY;
	page->kind = LODGE_STAGE2_MMIO;
	page->value = generation;
	page->access = access;
	return 0;
}

int model_make_writable(struct model *m, gpa_t gpa, unsigned int max_level)
{
	struct model_page *leaf = leaf_at(m, gpa);

	if (leaf->kind != LODGE_STAGE2_LEAF)
		return -ENOENT;
	if (!leaf->attr.host_writable)
		return -EPERM;
	if (leaf->level > max_level)
		return -EAGAIN;
	leaf->attr.writable = 1;
	leaf->attr.accessed = 1;
	leaf->attr.dirty = 1;
	return 0;
}

/* The processor was there. */
void model_touch(struct model *m, gpa_t gpa, bool write)
{
	struct model_page *leaf = leaf_at(m, gpa);

	leaf->attr.accessed = 1;
	leaf->attr.dirty |= write;
}

/*
 * The next leaf that has a byte in the range, from *@at on, which moves behind
 * it; NULL if there is none.
 */
static struct model_page *next_leaf(struct model *m, gpa_t *at, gpa_t end,
				    gpa_t *gpa)
{
	while (*at < end) {
		struct model_page *page;

		if (model_window(m, *at) < 0) {
			if (*at >= m->window[2])
				return NULL;
			*at = m->window[2];
			continue;
		}
		page = page_at(m, *at);
		if (page->kind == LODGE_STAGE2_LEAF) {
			*gpa = base_of(m, *at, page->level);
			*at = *gpa + model_size(m, page->level);
			return page_at(m, *gpa);
		}
		*at = base_of(m, *at, 0) + model_size(m, 0);
	}
	return NULL;
}

bool model_age(struct model *m, gpa_t start, gpa_t end, bool clear)
{
	struct model_page *leaf;
	bool young = false;
	gpa_t gpa;

	while ((leaf = next_leaf(m, &start, end, &gpa))) {
		young |= leaf->attr.accessed;
		leaf->attr.accessed &= !clear;
	}
	return young;
}

static void clean_leaf(struct model *m, struct model_page *leaf,
		       bool keep_writable)
{
	if (leaf->attr.dirty || (leaf->attr.writable && !keep_writable))
		m->gone++;
	leaf->attr.dirty = 0;
	leaf->attr.writable &= keep_writable;
}

void model_clean(struct model *m, gpa_t start, gpa_t end,
		 unsigned int min_level, bool keep_writable)
{
	struct model_page *leaf;
	gpa_t gpa;

	while ((leaf = next_leaf(m, &start, end, &gpa)))
		if (leaf->level >= min_level)
			clean_leaf(m, leaf, keep_writable);
}

void model_clean_mask(struct model *m, gpa_t base, unsigned long mask,
		      bool keep_writable)
{
	for (; mask; mask &= mask - 1) {
		gpa_t gpa = base + __ffs(mask) * model_size(m, 0);

		model_clean(m, gpa, gpa + model_size(m, 0), 0, keep_writable);
	}
}

void model_split(struct model *m, gpa_t start, gpa_t end, unsigned int target)
{
	struct model_page *leaf;
	gpa_t gpa, at;

	for (at = start; (leaf = next_leaf(m, &at, end, &gpa));) {
		if (leaf->level <= target)
			continue;
		split_once(m, gpa);
		at = max(gpa, start);
	}
}

static void drop_tables(struct model *m, unsigned int level, gpa_t start,
			gpa_t end)
{
	gpa_t size = model_size(m, level);
	int w;

	for (w = 0; w < MODEL_WINDOWS; w++) {
		gpa_t at = base_of(m, m->window[w], level);
		gpa_t stop = max(m->window[w] + model_size(m, 2), at + size);

		if (start > at)
			at = base_of(m, start - 1, level) + size;
		for (; at < stop && at + size <= end; at += size) {
			bool *table = table_at(m, level, max(at, m->window[w]));

			if (!*table)
				continue;
			*table = false;
			m->tables--;
			m->dropped++;
		}
	}
}

void model_unmap(struct model *m, gpa_t start, gpa_t end)
{
	unsigned int level;
	gpa_t gpa, at;
	int w;

	for (at = start; next_leaf(m, &at, end, &gpa);)
		drop_leaf(m, gpa);
	for (w = 0; w < MODEL_WINDOWS; w++) {
		at = max(base_of(m, start, 0), m->window[w]);
		for (; at < end && model_window(m, at) == w;
		     at += model_size(m, 0))
			page_at(m, at)->kind = LODGE_STAGE2_ABSENT;
	}
	for (level = 1; level < m->fmt->levels; level++)
		drop_tables(m, level, start, end);
}

void model_collapse(struct model *m, gpa_t start, gpa_t end)
{
	gpa_t size = model_size(m, 1);
	gpa_t at;
	int w;

	for (w = 0; w < MODEL_WINDOWS; w++) {
		at = m->window[w];
		if (start > at)
			at = base_of(m, start - 1, 1) + size;
		for (; at + size <= end && model_window(m, at) == w; at += size)
			if (*table_at(m, 1, at))
				model_unmap(m, at, at + size);
	}
}
