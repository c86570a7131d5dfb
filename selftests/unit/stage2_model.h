/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a stage-2 tree should do, plainly: an array of pages, and for each place
 * where a table can be, whether one is.
 *
 * The model sees three windows, each as large as one entry of level 2: two side
 * by side at the bottom of the address space and one at its very top.
 */
#ifndef STAGE2_MODEL_H
#define STAGE2_MODEL_H

#include "stage2.h"

#define MODEL_WINDOWS	3

/* All pages of a leaf have its kind and level; the rest is in its first page. */
struct model_page {
	u8 kind;
	u8 level;
	u8 access;
	struct lodge_stage2_attr attr;
	u64 value;		/* leaf: hpa; MMIO: generation */
};

/**
 * struct model - the model and what its last operation did
 * @fmt: shape of the tree
 * @window: first address of each window
 * @page: smallest pages of each window
 * @table: per level of the entry that points to the table, per window, per
 *	entry; from level 3 up windows that share an entry use the first's
 * @pages: leaves per level
 * @tables: tables, without the root
 * @gone: leaves that the last operation removed, protected or cleaned
 * @dropped: leaves and tables it removed
 */
struct model {
	const struct lodge_stage2_format *fmt;
	gpa_t window[MODEL_WINDOWS];
	struct model_page *page[MODEL_WINDOWS];
	bool *table[LODGE_STAGE2_MAX_LEVELS][MODEL_WINDOWS];
	long pages[LODGE_STAGE2_MAX_LEVELS];
	long tables;
	unsigned long gone;
	unsigned long dropped;
};

void model_init(struct model *m, const struct lodge_stage2_format *fmt);
void model_destroy(struct model *m);
gpa_t model_size(const struct model *m, unsigned int level);
int model_window(const struct model *m, gpa_t gpa);
void model_lookup(struct model *m, gpa_t gpa, struct lodge_stage2_leaf *out);
int model_map(struct model *m, gpa_t gpa, unsigned int level, hpa_t hpa,
	      struct lodge_stage2_attr attr, bool have_tables);
int model_map_mmio(struct model *m, gpa_t gpa, u64 generation,
		   unsigned int access, bool have_tables);
int model_make_writable(struct model *m, gpa_t gpa, unsigned int max_level);
void model_touch(struct model *m, gpa_t gpa, bool write);
bool model_age(struct model *m, gpa_t start, gpa_t end, bool clear);
void model_clean(struct model *m, gpa_t start, gpa_t end,
		 unsigned int min_level, bool keep_writable);
void model_clean_mask(struct model *m, gpa_t base, unsigned long mask,
		      bool keep_writable);
void model_split(struct model *m, gpa_t start, gpa_t end, unsigned int target);
void model_unmap(struct model *m, gpa_t start, gpa_t end);
void model_collapse(struct model *m, gpa_t start, gpa_t end);

#endif
