// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt handlers of the host use vector registers while a guest has its
 * own in them: encrypted network packets are received on the guest's CPU and
 * the guest checks its registers all the time.
 */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "lodge_test.h"

#define PORT 4500
#define PACKETS 1500
#define SPI 0x1000
#define KEY_BYTES 20		/* AES-128 and four of salt */

LODGE_GUEST_FIXTURE(softirq);

/* XMM0..15 hold what is in memory; any change ends the loop with a report. */
LODGE_GUEST64(check_vectors,
	"mov $0x40000, %edi\n"
	"1: mov $20000, %ecx\n"
	"2:\n"
	".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"movq %xmm\\n, %rax\n"
	"cmp \\n*8(%rdi), %rax\n"
	"jne 3f\n"
	"pextrq $1, %xmm\\n, %rax\n"
	"test %rax, %rax\n"
	"jne 3f\n"
	".endr\n"
	"dec %ecx\n"
	"jnz 2b\n"
	"mov $1, %eax\n"
	"out %eax, $0xe9\n"
	"jmp 1b\n"
	"3: mov $0xbad, %eax\n"
	"out %eax, $0xe9\n"
	"hlt\n");

/* A request of the kernel's IPsec configuration, grown attribute by attribute. */
struct request {
	struct nlmsghdr head;
	char body[1024];
};

static void *grow(struct request *r, size_t size)
{
	void *at = (char *)r + NLMSG_ALIGN(r->head.nlmsg_len);

	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + size;
	return at;
}

static void *attribute(struct request *r, int type, size_t size)
{
	struct nlattr *a = grow(r, NLA_HDRLEN + size);

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + size;
	return (char *)a + NLA_HDRLEN;
}

/* Sends it; returns 0 or -errno. */
static int ask(struct request *r, int type)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[1024];
	} answer;
	int ret = -EPROTO;

	if (fd < 0)
		return -errno;
	r->head.nlmsg_type = type;
	r->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
	if (send(fd, r, r->head.nlmsg_len, 0) < 0)
		ret = -errno;
	else if (recv(fd, &answer, sizeof(answer), 0) > 0 &&
		 answer.head.nlmsg_type == NLMSG_ERROR)
		ret = answer.error.error;
	close(fd);
	return ret;
}

static struct request *new_request(void)
{
	struct request *r = calloc(1, sizeof(*r));

	r->head.nlmsg_len = NLMSG_HDRLEN;
	return r;
}

static const char cipher[] = "rfc4106(gcm(aes))";

/* What is encrypted how: one state serves both ends of the loopback device. */
static int add_state(void)
{
	const xfrm_address_t local = { .a4 = htonl(INADDR_LOOPBACK) };
	struct request *r = new_request();
	struct xfrm_usersa_info *sa = grow(r, sizeof(*sa));
	struct xfrm_algo_aead *alg;
	int i;

	sa->id.daddr = local;
	sa->id.spi = htonl(SPI);
	sa->id.proto = IPPROTO_ESP;
	sa->saddr = local;
	sa->family = AF_INET;
	sa->mode = XFRM_MODE_TRANSPORT;
	sa->lft.soft_byte_limit = XFRM_INF;
	sa->lft.hard_byte_limit = XFRM_INF;
	sa->lft.soft_packet_limit = XFRM_INF;
	sa->lft.hard_packet_limit = XFRM_INF;
	alg = attribute(r, XFRMA_ALG_AEAD, sizeof(*alg) + KEY_BYTES);
	memcpy(alg->alg_name, cipher, sizeof(cipher));
	alg->alg_key_len = KEY_BYTES * 8;
	alg->alg_icv_len = 128;
	for (i = 0; i < KEY_BYTES; i++)
		alg->alg_key[i] = i;
	return ask(r, XFRM_MSG_NEWSA);
}

/* All UDP that leaves takes that state. */
static int add_policy(void)
{
	const xfrm_address_t local = { .a4 = htonl(INADDR_LOOPBACK) };
	struct request *r = new_request();
	struct xfrm_userpolicy_info *policy = grow(r, sizeof(*policy));
	struct xfrm_user_tmpl *tmpl;

	policy->sel.family = AF_INET;
	policy->sel.saddr = local;
	policy->sel.daddr = local;
	policy->sel.prefixlen_s = 32;
	policy->sel.prefixlen_d = 32;
	policy->sel.proto = IPPROTO_UDP;
	policy->dir = XFRM_POLICY_OUT;
	policy->lft.soft_byte_limit = XFRM_INF;
	policy->lft.hard_byte_limit = XFRM_INF;
	policy->lft.soft_packet_limit = XFRM_INF;
	policy->lft.hard_packet_limit = XFRM_INF;
	tmpl = attribute(r, XFRMA_TMPL, sizeof(*tmpl));
	tmpl->id.daddr = local;
	tmpl->id.spi = htonl(SPI);
	tmpl->id.proto = IPPROTO_ESP;
	tmpl->family = AF_INET;
	tmpl->saddr = local;
	tmpl->mode = XFRM_MODE_TRANSPORT;
	tmpl->aalgos = -1;
	tmpl->ealgos = -1;
	tmpl->calgos = -1;
	return ask(r, XFRM_MSG_NEWPOLICY);
}

/* In a network of its own, so that nothing is left behind. */
static void set_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd, ret;

	(void)!system("modprobe -qa esp4 xfrm_user seqiv gcm aesni_intel 2>/dev/null");
	if (unshare(CLONE_NEWNET | CLONE_NEWNS))
		lodge_host_skip("no network namespace: %s; needs root",
				strerror(errno));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	lodge_check(!ioctl(fd, SIOCSIFFLAGS, &lo), "lo");
	close(fd);
	ret = add_state();
	if (!ret)
		ret = add_policy();
	if (ret)
		lodge_host_skip("IPsec: %s; needs the kernel modules esp4, xfrm_user and gcm",
				strerror(-ret));
	/* What CPU 1 sends is received in CPU 0's interrupts. */
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	if (!lodge_host_write("/sys/class/net/lo/queues/rx-0/rps_cpus", "1"))
		lodge_host_skip("rps_cpus: %s; needs CONFIG_RPS",
				strerror(errno));
}

struct traffic {
	int in, out;
	volatile unsigned int received;
};

static void *send_packets(void *arg)
{
	struct traffic *t = arg;
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	char data[1024] = "lodge";
	int i;

	lodge_host_pin(1);
	for (i = 0; i < PACKETS; i++) {
		sendto(t->out, data, sizeof(data), 0, (void *)&to, sizeof(to));
		while (recv(t->in, data, sizeof(data), MSG_DONTWAIT) > 0)
			t->received++;
		usleep(500);
	}
	return NULL;
}

static void open_sockets(struct traffic *t)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	t->received = 0;
	t->in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	t->out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	lodge_check(t->in >= 0 && t->out >= 0 &&
		    !bind(t->in, (void *)&at, sizeof(at)), "sockets");
}

static void start_vectors(struct lodge_guest *guest)
{
	unsigned char image[4096];
	uint64_t value, bv = 3;
	int i;

	lodge_guest_start(guest, 64, check_vectors);
	lodge_check(!ioctl(guest->vcpu.fd, KVM_GET_XSAVE, image), "image");
	memset(image + 160, 0, 256);
	memcpy(image + 512, &bv, 8);
	for (i = 0; i < 16; i++) {
		value = 0x1234567800000000ULL + i;
		memcpy(image + 160 + 16 * i, &value, 8);
		memcpy(guest->vm.mem + LODGE_GUEST_DATA + 8 * i, &value, 8);
	}
	lodge_check(!ioctl(guest->vcpu.fd, KVM_SET_XSAVE, image), "image");
}

/* The counter of the receiving softirq of all CPUs. */
static unsigned long net_rx(void)
{
	unsigned long sum = 0, a = 0, b = 0;
	char line[512];
	FILE *f = fopen("/proc/softirqs", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " NET_RX: %lu %lu", &a, &b) >= 1)
			sum = a + b;
	if (f)
		fclose(f);
	return sum;
}

TEST_F(softirq, the_guests_vector_registers_survive)
{
	unsigned long before, checks = 0;
	struct traffic traffic;
	pthread_t thread;

	if (lodge_host_cpus() < 2)
		SKIP(return, "needs two CPUs");
	set_up();
	open_sockets(&traffic);
	before = net_rx();
	lodge_host_pin(0);
	start_vectors(&self->guest);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_packets, &traffic));
	while (traffic.received < PACKETS / 2 && checks < 3000) {
		ASSERT_EQ(1, lodge_vcpu_expect_out(&self->guest.vcpu,
						   LODGE_GUEST_PORT));
		checks++;
	}
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_LT(PACKETS / 4, traffic.received);
	ASSERT_LT(before, net_rx());
	ASSERT_LT(2, checks);
}

LODGE_TEST_MAIN
