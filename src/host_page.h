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
 * @page: the page, with a reference; NULL if it is not one that counts them
 * @writable: the VMM may write
 * @ram: normal memory, to be cached
 *
 * Without the reference @pfn means nothing but under the notifier protocol.
 */
struct lodge_host_page {
	unsigned long pfn;
	struct page *page;
	bool writable;
	bool ram;
};

int lodge_host_page_get(hva_t hva, bool write, bool want_write, struct lodge_host_page *out);
void lodge_host_page_put(struct lodge_host_page *hp, bool mapped);
unsigned int lodge_host_page_shift(hva_t hva);

#endif
