#include <doctest/doctest.h>

#include <filesystem>

#include "storage/manifest_format.h"
#include "tools/inspect_run.h"

// What the golden manifest holds: storage/manifest_format_test.cc.
namespace terrace::tools {
namespace {

std::string Golden() { return GoldenFile("manifest_v1.manifest"); }

TEST_SUITE("tools/manifest_inspector") {
  TEST_CASE("a manifest is printed as a whole, but for its secret") {
    const Folder folder;
    const std::string path = folder.Put("MANIFEST", Golden());
    const Finished run = Inspect("manifest " + path);
    CAPTURE(run.output);
    CHECK(run.code == 0);
    CHECK(run.output ==
          path +
              ": manifest, version 1, 456 bytes\n"
              "  generation  7\n"
              "  directory   a0a1a2a3a4a5a6a7a8a9aaabacadaeaf\n"
              "  hash key    (secret)\n"
              "  next file   13\n"
              "  next space  4\n"
              "  checkpoint  123456789\n"
              "  selected    2\n"
              "  history     0123456789abcdef0123456789abcdef01234567\n"
              "  second      76543210fedcba9876543210fedcba9876543210 up to 100000\n"
              "   table        bytes    run    records tombstones   dead bytes   log offset  "
              "smallest                     largest\n"
              "       3         3000      1         30          3           21       100003  "
              "(0, 1800000000000000)        (0, 1800000000000005)\n"
              "       9         9000      5         90          9           63       100009  "
              "(0, 4800000000000000)        (0, 4800000000000005)\n"
              "      12        12000      5        120         12           84       100012  "
              "(0, 6000000000000000)        (0, 6000000000000005)\n"
              "database        space\n"
              "       0            1\n"
              "       9            3\n"
              " dropped            0\n"
              " dropped            2\n"
              "3 tables, 2 databases, 2 dropped spaces\n"
              "fine\n");
  }

  TEST_CASE("the secret of the hash changes nothing of what is printed") {
    const Folder folder;
    auto state = storage::DecodeManifest(Golden());
    REQUIRE(state.ok());
    const Finished before = Inspect("manifest " + folder.Put("MANIFEST", Golden()));
    state->hash_key = {0x1111222233334444, 0x5555666677778888};
    const Finished after =
        Inspect("manifest " + folder.Put("MANIFEST", storage::EncodeManifest(*state)));
    CHECK(after.code == 0);
    CHECK(after.output == before.output);
  }

  TEST_CASE("what there is none of is said to be none") {
    const Folder folder;
    const Finished run = Inspect(
        "manifest " + folder.Put("MANIFEST", storage::EncodeManifest(storage::ManifestState())));
    CAPTURE(run.output);
    CHECK(run.code == 0);
    CHECK(Has(run.output, "  selected    none\n"));
    CHECK(Has(run.output, "  second      none\n"));
    CHECK(run.output.ends_with("0 tables, 0 databases, 0 dropped spaces\nfine\n"));
  }

  TEST_CASE("of a damaged manifest nothing is believed") {
    const Folder folder;
    const std::string golden = Golden();
    for (size_t at = 0; at < golden.size(); at += 13) {
      CAPTURE(at);
      std::string bytes = golden;
      bytes[at] = static_cast<char>(bytes[at] ^ 1);
      const std::string path = folder.Put("MANIFEST", bytes);
      const Finished run = Inspect("manifest " + path);
      CAPTURE(run.output);
      CHECK(run.code == 1);
      CHECK(run.output.starts_with("damaged: " + path + ": offset "));
      CHECK(
          run.output.ends_with("\none checksum is for all of it: nothing in it can be believed\n"));
    }
    for (const size_t size : {size_t{0}, size_t{20}, golden.size() - 1}) {
      CAPTURE(size);
      const Finished run = Inspect("manifest " + folder.Put("MANIFEST", golden.substr(0, size)));
      CHECK(run.code == 1);
      CHECK(Has(run.output, "damaged: "));
    }
  }

  TEST_CASE("a file that is larger than any manifest is not read into memory") {
    const Folder folder;
    const std::string path = folder.Put("MANIFEST", Golden());
    std::filesystem::resize_file(path, storage::kManifestBytesMax + 1);
    const Finished run = Inspect("manifest " + path);
    CHECK(run.code == 2);
    CHECK(run.output ==
          "terrace-inspect: " + path + " has 134217729 bytes; such files have up to 134217728\n");
  }
}

}  // namespace
}  // namespace terrace::tools
