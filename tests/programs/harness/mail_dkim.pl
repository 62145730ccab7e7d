#!/usr/bin/perl
# Mail::DKIM for the tests: many messages in one run, and records from a file instead of the DNS.
#
#   mail_dkim.pl verify RECORDS                      for each message a line: the results of its signatures from the top
#   mail_dkim.pl sign KEYFILE DOMAIN SELECTOR        each message is preceded by a line "FORMS"; the fields come out
#
# Standard input and output hold octets in frames: a decimal line with their number in front.
use strict;
use warnings;
use Mail::DKIM::PrivateKey;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;
use Mail::DKIM::DNS;
use Net::DNS::RR;

binmode STDIN;
binmode STDOUT;
my ($mode, @arguments) = @ARGV;

sub read_frame {
    my $size = <STDIN>;
    return undef unless defined $size;
    my $octets = '';
    read(STDIN, $octets, int $size);
    return $octets;
}

sub write_frame { print length($_[0]), "\n", $_[0]; }

sub verify {
    my %records;
    open my $file, '<', $arguments[0] or die "$arguments[0]: $!";
    while (<$file>) {
        chomp;
        my ($name, $text) = split / /, $_, 2;
        push @{ $records{$name} }, $text;
    }
    no warnings 'redefine';
    *Mail::DKIM::DNS::query = sub {
        my ($name) = @_;
        my $texts = $records{ lc $name };
        if (!$texts) { $@ = 'NXDOMAIN'; return; }
        return map {
            my @strings = unpack '(a255)*', $_;
            Net::DNS::RR->new(owner => $name, type => 'TXT', txtdata => \@strings);
        } @$texts;
    };
    while (defined(my $message = read_frame())) {
        my $verifier = Mail::DKIM::Verifier->new;
        $verifier->PRINT($message);
        $verifier->CLOSE;
        write_frame(join ',', map { $_->result // 'none' } $verifier->signatures);
    }
}

sub sign {
    my ($file, $domain, $selector) = @arguments;
    my $key = Mail::DKIM::PrivateKey->load(File => $file);
    while (defined(my $forms = read_frame())) {
        my $message = read_frame();
        my $signer = Mail::DKIM::Signer->new(
            Algorithm => 'rsa-sha256', Method => $forms, Domain => $domain, Selector => $selector, Key => $key);
        $signer->PRINT($message);
        $signer->CLOSE;
        my $field = $signer->signature->as_string;
        $field =~ s/\r?\n/\r\n/g;
        write_frame("$field\r\n");
    }
}

$mode eq 'verify' ? verify() : sign();
