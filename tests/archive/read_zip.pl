# Prints the SHA-256 and the name of each file of a ZIP: `perl read_zip.pl a.zip`.
use strict;
use warnings;
use Archive::Zip qw(:ERROR_CODES);
use Digest::SHA qw(sha256_hex);
use Encode qw(decode encode);

my $zip = Archive::Zip->new();
$zip->read($ARGV[0]) == AZ_OK or die "cannot be read";
for my $member ($zip->members()) {
  next if $member->isDirectory();
  my ($content, $status) = $member->contents();
  $status == AZ_OK or die "a member cannot be read";
  my $name = $member->fileName();
  $name = encode("UTF-8", $name) if utf8::is_utf8($name);
  print sha256_hex($content), " ", $name, "\n";
}
