// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt handlers of the host use vector registers while a guest has its
 * own in them: encrypted network packets are received on the guest's CPU and
 * the guest checks its registers all the time.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "lodge_test.h"

#define PORT 4500
#define PACKETS 3000

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

/* Both directions of one UDP flow over the loopback device. */
static const char set_up[] =
	"modprobe esp4 2>/dev/null; modprobe xfrm_user 2>/dev/null;"
	"modprobe aesni_intel 2>/dev/null;"
	"ip link set lo up &&"
	/* What CPU 1 sends is received in CPU 0's interrupts. */
	"echo 1 >/sys/class/net/lo/queues/rx-0/rps_cpus &&"
	"ip xfrm state flush && ip xfrm policy flush &&"
	"ip xfrm state add src 127.0.0.1 dst 127.0.0.1 proto esp spi 0x1000"
	" mode transport aead 'rfc4106(gcm(aes))'"
	" 0x000102030405060708090a0b0c0d0e0f10111213 128 &&"
	"ip xfrm policy add src 127.0.0.1 dst 127.0.0.1 proto udp dir out"
	" tmpl src 127.0.0.1 dst 127.0.0.1 proto esp spi 0x1000"
	" mode transport";

static const char tear_down[] =
	"ip xfrm state flush; ip xfrm policy flush";

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
	if (system("command -v ip >/dev/null"))
		SKIP(return, "needs ip (package iproute2)");
	if (system(set_up))
		SKIP(return, "needs root and the kernel modules esp4, xfrm_user and gcm");
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
	system(tear_down);
	ASSERT_LT(PACKETS / 4, traffic.received);
	ASSERT_LT(before, net_rx());
	ASSERT_LT(2, checks);
}

LODGE_TEST_MAIN
