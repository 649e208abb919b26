/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

/* Names in the paths of cgroups: of units and of containers. */
#include "check.h"
#include "identity/cgroup.h"

#define BUFFER 2048 /* more than any name or path is given room for */

#define HEX8 "0123abcd"
#define HEX56 "4567ef0123456789abcdef0123456789abcdef0123456789abcdef01"
#define ID HEX8 HEX56
#define SHORT "0123abcd4567" /* 12 digits of it */
#define ID2 HEX56 HEX8
#define SHORT2 "4567ef012345"
#define UPPER "0123ABCD" HEX56

#define UID "7f4a2c1e-0b3d-4e5f-8a9b-0c1d2e3f4a5b"
#define UID_ "7f4a2c1e_0b3d_4e5f_8a9b_0c1d2e3f4a5b"
#define HASH "f0e1d2c3b4a5968778695a4b3c2d1e0f" /* the UID of a static pod */

#define STEP "ldp5zhv55fg5r3xqo2cwcz4x7" /* of BuildKit */
#define STEP_SHORT "ldp5zhv55fg5"
#define GARDEN "/system.slice/garden.service/garden"
#define HANDLE "6f265890-5165-7fab-6b52-18d1"

#define KUBE "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice"
#define USER "/user.slice/user-1000.slice"
#define MANAGER USER "/user@1000.service"

/* A row without `path` is the name of those that follow. */
static const struct row {
	const char *path, *container, *unit;
} rows[] = {
	{NULL, "docker", NULL},
	{"/docker/" ID, SHORT, "-"},
	{"/docker/" ID "/init.scope", SHORT, "-"},
	{"/docker/" ID "/system.slice/nginx.service", SHORT, "-"},
	{"/system.slice/docker-" ID ".scope", SHORT, "docker-" ID ".scope"},
	{"/system.slice/docker-" ID ".scope/init.scope", SHORT, "docker-" ID ".scope"},
	{MANAGER "/user.slice/docker-" ID ".scope", SHORT, "user-1000.slice"},
	{"/system.slice/docker.service", "-", "docker.service"},
	{"/docker", "-", "-"},

	{NULL, "ECS, and Fargate, whose ids are the task's and a number", NULL},
	{"/ecs/" HASH "/" ID, SHORT, "-"},
	{"/ecs/" UID "/" ID, SHORT, "-"},
	{"/ecs/cluster/" HASH "/" ID, SHORT, "-"},
	{"/ecstasks.slice/ecstasks-" HASH ".slice/docker-" ID ".scope", SHORT,
	 "docker-" ID ".scope"},
	{"/ecs/" HASH "/" HASH "-2495160603", "f0e1d2c3b4a5-2495160603", "-"},
	{"/ecs/" HASH "/" HASH "-0527074092/sub", "f0e1d2c3b4a5-0527074092", "-"},
	{"/ecs/" UID "/" HASH "-2495160603", "f0e1d2c3b4a5-2495160603", "-"},
	{"/ecs/" HASH "-2495160603", "f0e1d2c3b4a5-2495160603", "-"},
	{"/ecs/" HASH, "-", "-"},
	{"/ecs/" UID, "-", "-"},
	{"/ecs/" HASH "-", "-", "-"},
	{"/ecs/" HASH "-24951606a3", "-", "-"},
	{"/ecs/" HASH "_2495160603", "-", "-"},
	{"/ecs/0" HASH "-2495160603", "-", "-"},
	{"/ecs/-" HASH "-2495160603", "-", "-"},

	{NULL, "Garden of Cloud Foundry and Concourse", NULL},
	{"/garden/" HANDLE, HANDLE, "-"},
	{GARDEN "/" HANDLE, HANDLE, "garden.service"},
	{GARDEN "/good/" HANDLE, HANDLE, "garden.service"},
	{GARDEN "/bad/" HANDLE "/sub", HANDLE, "garden.service"},
	{GARDEN "/" HANDLE "-liveness-healthcheck-0", HANDLE "-liveness-healthcheck-0",
	 "garden.service"},
	{"/garden/" UID, UID, "-"},
	{"/docker/" ID "/garden/" HANDLE, HANDLE, "-"},
	{GARDEN, "-", "garden.service"},
	{GARDEN "/good", "-", "garden.service"},
	{GARDEN "/bad/", "-", "garden.service"},
	{"/system.slice/garden.service", "-", "garden.service"},
	{"/good/" HANDLE, "-", "-"},

	{NULL, "BuildKit", NULL},
	{"/buildkit/" STEP, STEP_SHORT, "-"},
	{"/docker/buildkit/" STEP, STEP_SHORT, "-"},
	{"/docker/buildkit/" STEP "/sub", STEP_SHORT, "-"},
	{"/docker/buildx/" ID "/docker/buildkit/" STEP, STEP_SHORT, "-"},
	{"/docker/buildx/" ID, SHORT, "-"},
	{"/system.slice:docker:" STEP, STEP_SHORT, "-"},
	{"/system.slice/system.slice:docker:" STEP, STEP_SHORT, "system.slice"},
	{"/my.slice:docker:" STEP, STEP_SHORT, "-"},
	{"/buildkit/" ID, SHORT, "-"},
	{"/buildkit", "-", "-"},
	{"/buildkit/" STEP "0", "-", "-"},
	{"/buildkit/dp5zhv55fg5r3xqo2cwcz4x7", "-", "-"},
	{"/buildkit/Ldp5zhv55fg5r3xqo2cwcz4x7", "-", "-"},
	{"/buildkit/a/" STEP, "-", "-"},
	{"/docker/" STEP, "-", "-"},
	{"/my:docker:" STEP, "-", "-"},
	{"/system.slice/buildkit.service", "-", "buildkit.service"},

	{NULL, "podman", NULL},
	{"/machine.slice/libpod-" ID ".scope", SHORT, "libpod-" ID ".scope"},
	{"/machine.slice/libpod-" ID ".scope/container", SHORT, "libpod-" ID ".scope"},
	{"/libpod_parent/libpod-" ID, SHORT, "-"},
	{"/libpod_parent/" ID2 "/libpod-" ID, SHORT, "-"},
	{"/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope/container", SHORT,
	 "libpod-" ID ".scope"},
	{MANAGER "/user.slice/libpod-" ID ".scope/container", SHORT, "user-1000.slice"},
	{MANAGER "/app.slice/web.service/libpod-payload-" ID, SHORT, "user-1000:web.service"},
	{"/system.slice/web.service/libpod-payload-" ID, SHORT, "web.service"},
	{"/system.slice/web.service/supervisor", "-", "web.service"},

	{NULL, "conmon is not in it", NULL},
	{"/machine.slice/libpod-conmon-" ID ".scope", "-", "libpod-conmon-" ID ".scope"},
	{"/libpod_parent/conmon", "-", "-"},
	{"/system.slice/crio-conmon-" ID ".scope", "-", "crio-conmon-" ID ".scope"},
	{"/kubepods/besteffort/pod" UID "/crio-conmon-" ID, "pod" UID, "-"},
	{"/system.slice/conmon-" ID ".scope", "-", "conmon-" ID ".scope"},

	{NULL, "containerd", NULL},
	{KUBE "/cri-containerd-" ID ".scope", SHORT, "cri-containerd-" ID ".scope"},
	{"/kubepods/burstable/pod" UID "/" ID, SHORT, "-"},
	{"/kubepods/pod" UID "/" ID "/app", SHORT, "-"},
	{"/kubepods-besteffort-pod" UID_ ".slice:cri-containerd:" ID, SHORT, "-"},
	{"/system.slice/containerd.service/kubepods-besteffort-pod" UID_
	 ".slice:cri-containerd:" ID,
	 SHORT, "containerd.service"},
	{"/system.slice/nerdctl-" ID ".scope", SHORT, "nerdctl-" ID ".scope"},
	{"/default/" ID, SHORT, "-"},
	{"/default/web", "-", "-"},
	{"/system.slice/containerd.service", "-", "containerd.service"},

	{NULL, "cri-o", NULL},
	{KUBE "/crio-" ID ".scope", SHORT, "crio-" ID ".scope"},
	{KUBE "/crio-" ID ".scope/container", SHORT, "crio-" ID ".scope"},
	{"/kubepods/burstable/pod" UID "/crio-" ID, SHORT, "-"},

	{NULL, "Kubernetes pods", NULL},
	{"/kubepods/burstable/pod" UID, "pod" UID, "-"},
	{"/kubepods/pod" UID, "pod" UID, "-"},
	{KUBE, "pod" UID, "kubepods-burstable-pod" UID_ ".slice"},
	{"/kubepods.slice/kubepods-pod" UID_ ".slice", "pod" UID, "kubepods-pod" UID_ ".slice"},
	{"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_ ".slice", "pod" UID,
	 "kubelet-kubepods-pod" UID_ ".slice"},
	{"/kubepods/burstable/pod" HASH, "pod" HASH, "-"},
	{"/kubepods.slice/kubepods-pod" HASH ".slice", "pod" HASH, "kubepods-pod" HASH ".slice"},
	{"/kubepods/burstable", "-", "-"},
	{"/kubepods.slice/kubepods-burstable.slice", "-", "kubepods-burstable.slice"},
	{"/kubepods/pod" HASH "0", "-", "-"},
	{"/kubepods/pod7f4a2c1e", "-", "-"},
	{"/kubepods/pod7F4A2C1E-0b3d-4e5f-8a9b-0c1d2e3f4a5b", "-", "-"},
	{"/kubepods/pod" UID "-0", "-", "-"},
	{"/kubepods/pod" UID "-", "-", "-"},
	{"/kubepods/pod" HASH "_", "-", "-"},
	{"/kubepods/pod", "-", "-"},
	{"/libpod_parent/pod" ID, "-", "-"},

	{NULL, "LXC", NULL},
	{"/lxc/web", "web", "-"},
	{"/lxc/101/ns/system.slice/nginx.service", "101", "-"},
	{"/lxc.payload.web", "web", "-"},
	{"/lxc.payload.web/system.slice/nginx.service", "web", "-"},
	{"/lxc.payload/web", "web", "-"},
	{"/lxc.payload/web/init.scope", "web", "-"},
	{"/lxc/_web-1.example", "_web-1.example", "-"},
	{"/lxc.monitor.web", "-", "-"},
	{"/lxc.monitor/web", "-", "-"},
	{"/lxc.payload.", "-", "-"},
	{"/lxc", "-", "-"},
	{USER "/session-3.scope/lxc/web", "web", "user-1000.slice"},

	{NULL, "systemd-nspawn and machined", NULL},
	{"/machine.slice/machine-deb.scope", "deb", "machine-deb.scope"},
	{"/machine.slice/machine-deb.scope/payload", "deb", "machine-deb.scope"},
	{"/machine.slice/machine-deb.scope/payload/system.slice/a.service", "deb",
	 "machine-deb.scope"},
	{"/machine.slice/machine-my\\x2ddeb.scope", "my-deb", "machine-my-deb.scope"},
	{"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt", "qemu-1-vm",
	 "machine-qemu-1-vm.scope"},
	{"/machine.slice/systemd-nspawn@my-deb.service/payload", "my-deb",
	 "systemd-nspawn@my-deb.service"},
	{"/machine.slice/systemd-nspawn@my\\x2ddeb.service", "my-deb",
	 "systemd-nspawn@my-deb.service"},
	{"/machine.slice/machine-deb.scope/supervisor", "-", "machine-deb.scope"},
	{"/machine.slice/systemd-nspawn@deb.service/supervisor", "-", "systemd-nspawn@deb.service"},
	{"/docker/" ID "/supervisor", SHORT, "-"}, /* its own */
	{"/machine.slice/machine-.scope", "-", "machine-.scope"},
	{"/machine.slice/systemd-nspawn@.service", "-", "systemd-nspawn@.service"},

	{NULL, "containers in containers: the innermost", NULL},
	{"/docker/" ID "/docker/" ID2, SHORT2, "-"},
	{"/system.slice/docker-" ID ".scope/system.slice/docker-" ID2 ".scope", SHORT2,
	 "docker-" ID ".scope"},
	{"/docker/" ID "/kubelet/kubepods/burstable/pod" UID, "pod" UID, "-"},
	{"/docker/" ID "/kubelet/kubepods/burstable/pod" UID "/" ID2, SHORT2, "-"},
	{"/docker/" ID "/kubelet.slice/kubelet-kubepods-pod" UID_ ".slice/cri-containerd-" ID2
	 ".scope",
	 SHORT2, "-"},
	{"/docker/" ID "/machine.slice/libpod-conmon-" ID2 ".scope", SHORT, "-"},
	{"/docker/" ID "/machine.slice/machine-deb.scope/supervisor", SHORT, "-"},
	{"/lxc.payload.web/docker/" ID, SHORT, "-"},
	{"/docker/" ID "/lxc/web", "web", "-"},
	{"/lxc/web/lxc/db", "db", "-"},
	{KUBE "/crio-" ID ".scope/docker/" ID2, SHORT2, "crio-" ID ".scope"},

	{NULL, "what is no id", NULL},
	{"/docker/" UPPER, "-", "-"},
	{"/system.slice/docker-" UPPER ".scope", "-", "docker-" UPPER ".scope"},
	{"/system.slice/docker" ID ".scope", "-", "docker" ID ".scope"},
	{"/system.slice/docker-" ID ".service", "-", "docker-" ID ".service"},
	{"/system.slice/docker-" ID ".scope.d", "-", "system.slice"},
	{"/docker/" ID "-init", "-", "-"},
	{"/docker/g123abcd" HEX56, "-", "-"},
	{"/docker/-123abcd" HEX56, "-", "-"},
	{"/docker/_" ID, "-", "-"},

	{NULL, "units of the system", NULL},
	{"/system.slice/nginx.service", "-", "nginx.service"},
	{"/system.slice/system-getty.slice/getty@tty1.service", "-", "getty@tty1.service"},
	{"/getty@tty1.service", "-", "getty@tty1.service"},
	{"/init.scope", "-", "init.scope"},
	{"/system.slice/dbus.socket", "-", "dbus.socket"},
	{"/system.slice/var-lib.mount", "-", "var-lib.mount"},
	{"/dev-sda2.swap", "-", "dev-sda2.swap"},
	{"/system.slice/system-postgresql.slice/postgresql@15-main.service", "-",
	 "postgresql@15-main.service"},
	{"/system.slice/a\\x2db\\x40c.service", "-", "a-b@c.service"},
	{"/system.slice/system-serial\\x2dgetty.slice", "-", "system-serial-getty.slice"},
	{"/system.slice/web.service/worker/1", "-", "web.service"},
	{"/system.slice/web.service/app.slice/b.service", "-", "web.service"},
	{"/system.slice/systemd-udevd.service/udev", "-", "systemd-udevd.service"},
	{"/system.slice/_cpu.service", "-", "cpu.service"},
	{"/_sys.slice/__a.service", "-", "_a.service"},
	{"/system.slice", "-", "system.slice"},
	{"/a.slice/a-b.slice", "-", "a-b.slice"},
	{"/a.slice/work", "-", "a.slice"},
	{"/a.slice/work/b.service", "-", "a.slice"},
	{"/", "-", "-"},
	{"/work", "-", "-"},
	{"/work/b.service", "-", "-"},
	{"/.service", "-", "-"},
	{"/service", "-", "-"},
	{"/a.service.d", "-", "-"},
	{"/../../system.slice/a.service", "-", "a.service"},
	{"/../a.service", "-", "a.service"},
	{"/../" ID, SHORT, "-"},
	{"/..", "-", "-"},

	{NULL, "units of users", NULL},
	{MANAGER "/app.slice/foo.service", "-", "user-1000:foo.service"},
	{MANAGER "/foo.service", "-", "user-1000:foo.service"},
	{MANAGER "/app.slice/app-a.slice/app-a@b.service/sub", "-", "user-1000:app-a@b.service"},
	{MANAGER "/session.slice/dbus.socket", "-", "user-1000:dbus.socket"},
	{MANAGER "/app.slice/my\\x2dapp.service", "-", "user-1000:my-app.service"},
	{MANAGER "/app.slice/_cpu.service", "-", "user-1000:cpu.service"},
	{MANAGER "/init.scope", "-", "user-1000.slice"},
	{MANAGER "/app.slice/app-foo-123.scope", "-", "user-1000.slice"},
	{MANAGER "/app.slice", "-", "user-1000.slice"},
	{MANAGER "/work", "-", "user-1000.slice"},
	{MANAGER, "-", "user-1000.slice"},
	{"/user@0.service/a.service", "-", "user-0:a.service"},
	{"/user.slice/user-0.slice/user@0.service", "-", "user-0.slice"},
	{"/user@.service/a.service", "-", "user@.service"},
	{USER "/session-3.scope", "-", "user-1000.slice"},
	{USER "/session-c2.scope/sub", "-", "user-1000.slice"},
	{USER "/user-runtime-dir@1000.service", "-", "user-runtime-dir@1000.service"},
	{USER, "-", "user-1000.slice"},
	{"/user.slice", "-", "user.slice"},

	{NULL, "texts that are no paths", NULL},
	{"", "-", "-"},
	{"a.service", "-", "a.service"},
	{"//system.slice//a.service//", "-", "a.service"},
	{"///", "-", "-"},
	{"/a\\x00b.service", "-", "a\\x00b.service"},
	{"/a\\x2.service", "-", "a\\x2.service"},
	{"/a\\x2Db.service", "-", "a\\x2Db.service"},
	{"/a\\\\x2db.service", "-", "a\\-b.service"},
	{"/\xff\x01 \xc3.service", "-", "\xff\x01 \xc3.service"},
	{"/lxc/a\\x2", "a\\x2", "-"},
	{"/lxc/\\x2d", "-", "-"},
};

static void test_rows(void)
{
	char out[CGROUP_PATH_SIZE];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (!rows[i].path) {
			if (i)
				check_end();
			check_begin("cgroup: %s", rows[i].container);
			continue;
		}
		cgroup_container(out, sizeof(out), rows[i].path);
		expect_text(out, rows[i].container, rows[i].path);
		cgroup_unit(out, sizeof(out), rows[i].path);
		expect_text(out, rows[i].unit, rows[i].path);
	}
	check_end();
}

static void test_digits(void)
{
	static const char *const forms[][2] = {{"/docker/", ""},
					       {"/system.slice/docker-", ".scope"},
					       {"/machine.slice/libpod-", ".scope/container"},
					       {"/x.slice:cri-containerd:", ""}};
	static const char digits[] = HEX8 HEX56 HEX8;
	char path[256], out[64];

	check_begin("cgroup: an id has 64 digits, neither more nor less");
	for (size_t i = 0; i < COUNT_OF(forms); i++)
		for (int n = 0; n <= 72; n++) {
			snprintf(path, sizeof(path), "%s%.*s%s", forms[i][0], n, digits,
				 forms[i][1]);
			cgroup_container(out, sizeof(out), path);
			expect_text(out, n == 64 ? SHORT : "-", path);
		}
	check_end();
}

/* -- the path -- */

static const struct {
	const char *name, *text, *want; /* NULL: there is none */
} texts[] = {
	{"v2", "0::/system.slice/a.service\n", "/system.slice/a.service"},
	{"v2, no line feed", "0::/a.service", "/a.service"},
	{"v2, the root", "0::/\n", "/"},
	{"v2, gone", "0::/a.service (deleted)\n", "/a.service"},
	{"v2, gone, no line feed", "0::/a.service (deleted)", "/a.service"},
	{"v2, a name that ends much like it", "0::/a (deletee)\n", "/a (deletee)"},
	{"v2, from another namespace", "0::/../../a.slice/b.service\n", "/../../a.slice/b.service"},
	{"v2, `:` in a name", "0::/kubepods-pod1.slice:cri-containerd:1\n",
	 "/kubepods-pod1.slice:cri-containerd:1"},
	{"v2, `/` at its end", "0::/a.slice/\n", "/a.slice"},
	{"v2, blanks in a name", "0::/a b/ c \n", "/a b/ c "},
	{"v1, systemd's first", "11:cpu,cpuacct:/c\n4:memory:/m\n7:pids:/p\n1:name=systemd:/s\n",
	 "/s"},
	{"v1, then pids", "11:cpu,cpuacct:/c\n4:memory:/m\n7:pids:/p\n1:name=systemd:/\n", "/p"},
	{"v1, then memory", "11:cpu,cpuacct:/c\n4:memory:/m\n7:pids:/\n", "/m"},
	{"v1, then cpu", "12:blkio:/b\n3:cpu,cpuacct:/c\n4:memory:/\n", "/c"},
	{"v1, cpu second in its line", "12:blkio:/b\n3:cpuacct,cpu:/c\n", "/c"},
	{"v1, cpuacct and cpuset are not cpu", "2:cpuset:/x\n3:cpuacct:/y\n4:cpu:/c\n", "/c"},
	{"v1, then any", "12:blkio:/b\n13:name=x:/x\n", "/b"},
	{"v1, all at the root", "4:memory:/\n1:name=systemd:/\n", "/"},
	{"v1, gone", "1:name=systemd:/s (deleted)\n", "/s"},
	{"hybrid, both the same", "1:name=systemd:/a.service\n0::/a.service\n", "/a.service"},
	{"hybrid, v2 first", "4:memory:/m\n1:name=systemd:/s/longer\n0::/a\n", "/a"},
	{"hybrid, v2 at the root", "4:memory:/m\n1:name=systemd:/s\n0::/\n", "/s"},
	{"hybrid, only memory tells", "4:memory:/m\n1:name=systemd:/\n0::/\n", "/m"},
	{"hybrid, all at the root", "4:memory:/\n1:name=systemd:/\n0::/\n", "/"},
	{"hybrid, v1 tells of the container",
	 "1:name=systemd:/docker/" ID "\n0::/system.slice/containerd.service\n", "/docker/" ID},
	{"hybrid, both tell of one", "1:name=systemd:/lxc/a\n0::/lxc.payload.b\n",
	 "/lxc.payload.b"},
	{"empty", "", NULL},
	{"line feeds", "\n\n\n", NULL},
	{"garbage", "nonsense", NULL},
	{"no path", "0::\n", NULL},
	{"one colon", "0:/a\n", NULL},
	{"no slash", "0::a\n", NULL},
	{"cut short, then a good line", "0:\n:\n0::\n\xff\xfe\n4:memory:/m", "/m"},
	{"garbage around", "\x01:\x02:\x03\n0::/a\n::::\n", "/a"},
};

static void test_texts(void)
{
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char out[CGROUP_PATH_SIZE] = "untouched";
		bool found;

		check_begin("cgroup: path: %s", texts[i].name);
		found = cgroup_path(out, sizeof(out), texts[i].text);
		expect(found == (texts[i].want != NULL), "it returned %d", found);
		expect_text(out, found ? texts[i].want : "untouched", "path");
		check_end();
	}
}

/* -- little room -- */

static bool write_path(char *out, size_t size, const char *path)
{
	char text[BUFFER + 8];

	snprintf(text, sizeof(text), "0::%s\n", path);
	return cgroup_path(out, size, text);
}

static bool write_unit(char *out, size_t size, const char *path)
{
	cgroup_unit(out, size, path);
	return true;
}

static bool write_container(char *out, size_t size, const char *path)
{
	cgroup_container(out, size, path);
	return true;
}

static void expect_within(bool (*write)(char *, size_t, const char *), const char *path)
{
	char full[BUFFER], out[BUFFER];

	write(full, sizeof(full), path);
	for (size_t size = 0; size < 80; size++) {
		bool written;

		memset(out, 0x55, sizeof(out));
		written = write(out, size, path);
		for (size_t i = written ? size : 0; i < sizeof(out); i++)
			expect(out[i] == 0x55, "%s: size %zu: byte %zu was written", path, size, i);
		if (!written || !size)
			continue;
		expect(strnlen(out, size) < size, "%s: size %zu: no end", path, size);
		expect(strncmp(out, full, strlen(out)) == 0, "%s: size %zu: \"%s\"", path, size,
		       out);
		expect(size < 2 || out[0], "%s: size %zu: nothing", path, size);
	}
}

static void test_sizes(void)
{
	check_begin("cgroup: every form fits into every size");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (!rows[i].path)
			continue;
		expect_within(write_path, rows[i].path);
		expect_within(write_container, rows[i].path);
		if (!strstr(rows[i].path, "\\x")) /* else a name may lose half an escape */
			expect_within(write_unit, rows[i].path);
	}
	check_end();
}

static void test_long(void)
{
	char path[BUFFER], out[CGROUP_PATH_SIZE], want[CGROUP_PATH_SIZE];

	check_begin("cgroup: a long path loses its end, and no `/` is left there");
	for (size_t length = CGROUP_PATH_SIZE - 12; length < CGROUP_PATH_SIZE + 12; length++) {
		memset(path, '/', sizeof(path));
		for (size_t i = 1; i < length; i += 2)
			path[i] = 'a';
		snprintf(path + length, 16, " (deleted)");
		snprintf(want, sizeof(want), "%.*s",
			 (int)(length < CGROUP_PATH_SIZE ? length : CGROUP_PATH_SIZE - 1), path);
		if (want[strlen(want) - 1] == '/')
			want[strlen(want) - 1] = '\0';
		expect(write_path(out, sizeof(out), path), "no path of %zu bytes", length);
		expect_text(out, want, "path");
	}
	check_end();

	check_begin("cgroup: the unit and the container below a long path");
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	snprintf(path + 1000, 200, ".slice/docker-%s.scope", ID);
	cgroup_container(out, sizeof(out), path);
	expect_text(out, SHORT, "container");
	cgroup_unit(out, sizeof(out), path);
	expect_text(out, "docker-" ID ".scope", "unit");
	check_end();
}

/* NULL: it has none. */
static void test_ids(void)
{
	static const struct {
		const char *path, *want;
	} ids[] = {
		{"/docker/" ID, ID},
		{"/docker/" ID "/docker/" ID2 "/init.scope", ID2},
		{"/system.slice/docker-" ID ".scope/system.slice/a.service", ID},
		{KUBE "/cri-containerd-" ID ".scope", ID},
		{KUBE "/crio-" ID ".scope/container", ID},
		{KUBE, NULL},
		{"/machine.slice/libpod-conmon-" ID ".scope", NULL},
		{"/docker/" ID "/lxc/inner", NULL},
		{"/lxc/outer/docker/" ID, ID},
		{"/ecs/" HASH "/" HASH "-2495160603", NULL},
		{"/system.slice/nginx.service", NULL},
		{"/", NULL},
		{"", NULL},
	};
	char out[CGROUP_ID_SIZE];

	check_begin("cgroup: the id of the innermost container");
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		snprintf(out, sizeof(out), "untouched");
		expect(cgroup_container_id(out, ids[i].path) == !!ids[i].want, "%s", ids[i].path);
		expect_text(out, ids[i].want ? ids[i].want : "untouched", ids[i].path);
	}
	check_end();
}

int main(void)
{
	test_rows();
	test_ids();
	test_digits();
	test_texts();
	test_sizes();
	test_long();
	return check_status();
}
