/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host's side of a fault: which page is behind an address of the VMM, what
 * the VMM may do with it, and how large its mapping is.
 */
#ifndef LODGE_HOST_PAGE_H
#define LODGE_HOST_PAGE_H

#include "types.h"

struct page;

/**
 * struct lodge_host_page - what is behind a host address
 * @pfn: frame of the page
 * @page: the page; NULL if it is not one that counts references
 * @shift: log2 of the size of the host's mapping, bytes
 * @referenced: a reference on @page is held
 * @writable: the VMM may write
 * @ram: normal memory, to be cached
 *
 * All of it means nothing but under the notifier protocol: before it was passed
 * the page may be somebody else's by now, unless @referenced.
 */
struct lodge_host_page {
	unsigned long pfn;
	struct page *page;
	unsigned int shift;
	bool referenced;
	bool writable;
	bool ram;
};

int lodge_host_page_get(hva_t hva, bool write, bool want_write, struct lodge_host_page *out);
void lodge_host_page_put(struct lodge_host_page *hp, bool mapped);

#endif
