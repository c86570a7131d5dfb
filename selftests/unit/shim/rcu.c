// SPDX-License-Identifier: GPL-2.0
/*
 * RCU for user-space builds: readers share a lock that ends of grace periods
 * take for a moment.
 */
#include <pthread.h>

#include <linux/rcupdate.h>

static pthread_rwlock_t readers = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rcu_head *waiting;

void rcu_read_lock(void)
{
	pthread_rwlock_rdlock(&readers);
}

void rcu_read_unlock(void)
{
	pthread_rwlock_unlock(&readers);
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	head->func = func;
	pthread_mutex_lock(&lock);
	head->next = waiting;
	waiting = head;
	pthread_mutex_unlock(&lock);
}

void rcu_barrier(void)
{
	struct rcu_head *head;

	pthread_mutex_lock(&lock);
	head = waiting;
	waiting = NULL;
	pthread_mutex_unlock(&lock);
	if (!head)
		return;
	pthread_rwlock_wrlock(&readers);
	pthread_rwlock_unlock(&readers);
	while (head) {
		struct rcu_head *next = head->next;

		head->func(head);
		head = next;
	}
}
