/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_LLIST_H
#define SHIM_LINUX_LLIST_H

#include <linux/compiler.h>

struct llist_node {
	struct llist_node *next;
};

struct llist_head {
	struct llist_node *first;
};

#define llist_entry(p, type, member)	container_of(p, type, member)

static inline void init_llist_head(struct llist_head *head)
{
	head->first = NULL;
}

static inline void llist_add(struct llist_node *node, struct llist_head *head)
{
	struct llist_node *first = READ_ONCE(head->first);

	do {
		node->next = first;
	} while (!__atomic_compare_exchange_n(&head->first, &first, node, 0,
					      __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
}

/* One taker at a time. */
static inline struct llist_node *llist_del_first(struct llist_head *head)
{
	struct llist_node *first = READ_ONCE(head->first);

	while (first && !__atomic_compare_exchange_n(&head->first, &first,
						     first->next, 0,
						     __ATOMIC_SEQ_CST,
						     __ATOMIC_SEQ_CST))
		;
	return first;
}

#endif
